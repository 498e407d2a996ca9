using Pedigree.Evolution.Statistics;

namespace Pedigree.Evaluation.Family;

/// <summary>What training draws by chance, the same everywhere and for ever.</summary>
internal sealed class Draw(ulong seed)
{
    private readonly SplitMix _random = new(seed);

    /// <summary>Evenly in [0, 1).</summary>
    public double Fraction() => (_random.Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Evenly in 0 … bound − 1.</summary>
    public int Below(int bound) => (int)(Fraction() * bound);

    /// <summary>Normally distributed, mean 0 and variance 1 (Box and Muller).</summary>
    public double Normal() => Math.Sqrt(-2 * Math.Log(1 - Fraction())) * Math.Cos(2 * Math.PI * Fraction());
}
