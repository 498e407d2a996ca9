namespace Pedigree.Evolution.Statistics;

/// <summary>Random numbers that are the same everywhere and for ever: SplitMix64 (Steele, Lea and Flood 2014).</summary>
internal sealed class SplitMix(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        ulong mixed = _state += 0x9E3779B97F4A7C15;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }

    /// <summary>0 … bound − 1, evenly to within 2⁻³².</summary>
    public int Below(int bound) => (int)((Next() >> 32) * (ulong)bound >> 32);
}
