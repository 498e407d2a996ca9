namespace Pedigree.Weights.Merging;

/// <summary>How quick a merge was.</summary>
/// <param name="Method">Its method.</param>
/// <param name="Bytes">Bytes that it read and wrote (<see cref="MergeExplanation.BytesMerged"/>).</param>
/// <param name="Seconds">What it took for them.</param>
public sealed record MergeSpeed(string Method, long Bytes, double Seconds)
{
    /// <summary>Bytes a second.</summary>
    public double Rate => Bytes / Seconds;
}
