using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Merging;

/// <summary>How one tensor is going to be merged.</summary>
/// <param name="Name">Its name in the child.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Sources">The folders that it comes from, the origin last.</param>
/// <param name="Parameters">By name, the value for each source; empty where the tensor is carried through.</param>
/// <param name="Coefficients">One for each source where they are known without reading weights.</param>
/// <param name="Bytes">Bytes that are written.</param>
public sealed record TensorExplanation(
    string Name, IReadOnlyList<long> Shape, IReadOnlyList<string> Sources, IReadOnlyDictionary<string, double[]> Parameters,
    IReadOnlyList<double>? Coefficients, long Bytes);

/// <summary>What a merge is going to do, found out without touching a weight.</summary>
/// <param name="Method">The method.</param>
/// <param name="Models">The models, the origin last.</param>
/// <param name="Tensors">Every tensor, by name.</param>
/// <param name="BytesRead">Bytes of weights that are read: once, or twice where inner products are needed first.</param>
public sealed record MergeExplanation(string Method, IReadOnlyList<string> Models, IReadOnlyList<TensorExplanation> Tensors, long BytesRead)
{
    /// <summary>Bytes of weights that are written.</summary>
    public long Bytes => Tensors.Sum(tensor => tensor.Bytes);

    /// <summary>Elements of all tensors.</summary>
    public long Parameters => Tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size));

    /// <summary>Explains a merge.</summary>
    /// <exception cref="BadInputException">The parameters do not fit the tensors.</exception>
    public static MergeExplanation Of(ConfiguredMerge merge)
    {
        List<TensorExplanation> tensors = [];
        var read = 0L;
        foreach (var part in merge.Parts)
        {
            var body = part.Recipe.Body;
            string[] names = [.. part.Parents[0].Checkpoint.Tensors.Where(tensor => tensor.DType.IsMerged()).Select(tensor => tensor.Name)];
            MergePlan plan = new(body, part.Parents.Count, names, part.Recipe.Architecture);
            var coefficients = plan.NeedsGram ? null : plan.Coefficients(null);
            var places = names.Select((name, i) => (name, i)).ToDictionary(pair => pair.name, pair => pair.i, StringComparer.Ordinal);
            Checkpoint[] sources = [.. part.Parents.Select(parent => parent.Checkpoint), .. body.HasOrigin ? [part.Ancestor!.Checkpoint] : Array.Empty<Checkpoint>()];
            read += sources.Sum(source => source.Tensors.Sum(tensor => tensor.ByteLength)) * (plan.NeedsGram ? 2 : 1);
            foreach (var tensor in part.Parents[0].Checkpoint.Tensors)
            {
                var merged = places.TryGetValue(tensor.Name, out var i);
                var usual = sources[body.HasOrigin ? ^1 : 0].Find(tensor.Name)!.DType;
                var written = merged ? body.OutDType ?? body.DType ?? usual : usual;
                tensors.Add(new(tensor.Name, tensor.Shape, [.. sources.Select(source => source.FolderOf(tensor.Name))],
                    merged ? plan.Parameters[i] : new Dictionary<string, double[]>(), merged ? coefficients?[i] : null, tensor.Count * written.Size()));
            }
        }
        return new(merge.Recipe.Body.Method.Name, merge.Models, [.. tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal)], read);
    }
}
