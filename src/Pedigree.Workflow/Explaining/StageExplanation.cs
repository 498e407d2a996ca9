using Pedigree.Weights.Merging;

namespace Pedigree.Workflow.Explaining;

/// <summary>What is going to happen with one document of a configuration file.</summary>
/// <param name="Name">Its name; null: it has none.</param>
/// <param name="Digest">Its recipe's digest; null where a model's own digest is not known without reading it.</param>
/// <param name="Made">The folder where its child lies already, so that it is not made again; null: it is made.</param>
/// <param name="Merge">The merge.</param>
/// <param name="Base">The model to whose weights the predicted kinship is relative.</param>
/// <param name="NotPredicted">Why no kinship is predicted; null: it is.</param>
/// <param name="Rate">Bytes a second.</param>
/// <param name="RateOf">The merge on this machine that was so quick; null: it is assumed.</param>
public sealed record StageExplanation(
    string? Name, string? Digest, string? Made, MergeExplanation Merge, string? Base, string? NotPredicted, double Rate,
    MergeSpeed? RateOf)
{
    /// <summary>
    /// About how long it will take: what is read and written, at the rate. What is there already is read, to be
    /// verified and for its digest.
    /// </summary>
    public double Seconds => (Made is null
        ? Merge.BytesMoved
        : Merge.Passes.Where(pass => pass.For == PassKind.Digests).Sum(pass => pass.Bytes) + (2 * Merge.Bytes)) / Rate;
}
