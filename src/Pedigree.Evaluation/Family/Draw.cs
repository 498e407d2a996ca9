namespace Pedigree.Evaluation.Family;

/// <summary>Random numbers that are the same everywhere and for ever: SplitMix64 (Steele, Lea and Flood 2014).</summary>
internal sealed class Draw(ulong seed)
{
    private ulong state = seed;

    private ulong Next()
    {
        var mixed = state += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>Evenly in [0, 1).</summary>
    public double Fraction() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Evenly in 0 … bound − 1.</summary>
    public int Below(int bound) => (int)(Fraction() * bound);

    /// <summary>Normally distributed, mean 0 and variance 1 (Box and Muller).</summary>
    public double Normal() => Math.Sqrt(-2 * Math.Log(1 - Fraction())) * Math.Cos(2 * Math.PI * Fraction());
}
