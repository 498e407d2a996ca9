using System.Text.Json.Serialization;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;

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

/// <summary>One reading of weights, from first to last.</summary>
/// <param name="For">What it is for.</param>
/// <param name="Bytes">Bytes that are read.</param>
public sealed record MergePass(PassKind For, long Bytes);

/// <summary>What weights are read for.</summary>
public enum PassKind
{
    /// <summary>The digests of the models, by which the recipe names them.</summary>
    Digests,

    /// <summary>Inner products, from which coefficients follow.</summary>
    Products,

    /// <summary>The merge itself.</summary>
    Merge,

    /// <summary>The digest of the child.</summary>
    Child,
}

/// <summary>How alike a child is going to be to one of its parents.</summary>
/// <param name="Model">The parent.</param>
/// <param name="Pearson">Pearson correlation of their differences from the base.</param>
/// <param name="Cosine">Cosine of the angle between these.</param>
/// <param name="Euclidean">Distance of the two.</param>
public sealed record ParentKinship(string Model, double Pearson, double Cosine, double Euclidean);

/// <summary>What a merge is going to do, found out without touching a weight.</summary>
/// <param name="Method">The method.</param>
/// <param name="Models">The models, the origin last.</param>
/// <param name="Tensors">Every tensor, by name.</param>
/// <param name="Passes">What is read, in order.</param>
/// <param name="Scratch">
/// Bytes of tensors that are made beside the child before they can be merged: those with an adapter, or with
/// rows of another vocabulary.
/// </param>
/// <param name="Memory">
/// Most bytes of memory that the threads' buffers take, beside the program itself and the page cache.
/// </param>
/// <param name="Kinship">To each parent, where that follows from rows that are known.</param>
public sealed record MergeExplanation(
    string Method, IReadOnlyList<string> Models, IReadOnlyList<TensorExplanation> Tensors, IReadOnlyList<MergePass> Passes,
    long Scratch, long Memory,
    IReadOnlyList<ParentKinship>? Kinship)
{
    /// <summary>Bytes of weights that are written.</summary>
    public long Bytes => Tensors.Sum(tensor => tensor.Bytes);

    /// <summary>Bytes of weights that are read.</summary>
    public long BytesRead => Passes.Sum(pass => pass.Bytes);

    /// <summary>Elements of all tensors.</summary>
    public long Parameters => Tensors.Sum(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size));

    /// <summary>
    /// Bytes that are read and written from when the models are ready to be merged: what <see cref="MergeSpeed"/> counts.
    /// </summary>
    [JsonIgnore]
    public long BytesMerged => Bytes + Passes.Where(pass => pass.For != PassKind.Digests).Sum(pass => pass.Bytes);

    /// <summary>Bytes that are read and written in all.</summary>
    [JsonIgnore]
    public long BytesMoved => Bytes + BytesRead + (2 * Scratch);

    /// <summary>Whether every tensor is a weighted sum: then coefficients and kinship follow from its parents' rows.</summary>
    [JsonIgnore]
    public bool IsWeightedSum { get; private init; }

    /// <summary>The row that the child is going to have, where it is known.</summary>
    [JsonIgnore]
    public GramRow? Row { get; private init; }

    /// <summary>Explains a merge.</summary>
    /// <param name="merge">The merge.</param>
    /// <param name="rows">Rows of its parents, in order and relative to one base, where these are known.</param>
    /// <param name="others">Rows of others, each known with every parent, to which the child's row is wanted too.</param>
    /// <exception cref="BadInputException">The parameters do not fit the tensors.</exception>
    public static MergeExplanation Of(
        ConfiguredMerge merge, IReadOnlyList<GramRow>? rows = null, IReadOnlyList<GramRow>? others = null)
    {
        List<TensorExplanation> tensors = [];
        GramRow? child = null;
        long products = 0, read = 0, memory = 0;
        var isWeightedSum = true;
        foreach (var part in merge.Parts)
        {
            var body = part.Recipe.Body;
            var names = part.Parents[0].Checkpoint.MergedTensors;
            MergePlan plan = new(body, part.Parents.Count, names, part.Recipe.Architecture);
            var gram = rows is not null && merge.IsPlain && rows[0].Tensors.SequenceEqual(names) ? new Gram(rows) : null;
            var coefficients = plan.NeedsGram && gram is null ? null : plan.Coefficients(gram);
            if (gram is not null && plan.IsWeightedSum)
                child = Prediction.Child(merge.Recipe.Digest, rows!, [.. coefficients!.OfType<double[]>()],
                    [.. rows!.Concat(others ?? []).DistinctBy(row => row.Model)]);
            var places = names.Select((name, i) => (name, i))
                .ToDictionary(pair => pair.name, pair => pair.i, StringComparer.Ordinal);
            Checkpoint[] sources = [.. part.Sources.Select(source => source.Checkpoint)];
            var bytes = sources.Sum(source => source.ByteLength);
            read += bytes;
            isWeightedSum &= plan.IsWeightedSum;
            if (plan.NeedsGram)
                products += names.Where((name, i) => !HeldWriter.Holds(part, plan, i, 0))
                    .Sum(name => sources.Sum(source => source.Find(name)!.ByteLength));
            memory = Math.Max(memory, MergeMemory.Bound(part, plan, Environment.ProcessorCount));
            foreach (var tensor in part.Parents[0].Checkpoint.Tensors)
            {
                var merged = places.TryGetValue(tensor.Name, out var i);
                var written = part.Written(tensor.Name);
                tensors.Add(new(tensor.Name,
                    tensor.Shape, [.. sources.Select(source => Path.GetDirectoryName(source.Find(tensor.Name)!.File)!)],
                    merged
                        ? plan.Parameters[i]
                        : new Dictionary<string, double[]>(), merged ? coefficients?[i] : null, tensor.Count * written.Size()));
            }
        }
        MergePass[] passes =
        [
            new(PassKind.Digests, merge.BytesGiven), new(PassKind.Products, products), new(PassKind.Merge, read),
            new(PassKind.Child, tensors.Sum(tensor => tensor.Bytes)),
        ];
        return new(
            merge.Recipe.Body.Method.Name, merge.Models, [.. tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal)],
            [.. passes.Where(pass => pass.Bytes > 0)], merge.BytesMade, memory,
            child is null ? null : [.. rows!.Select((row, i) => To(merge.Models[i], row, child))])
        {
            Row = child,
            IsWeightedSum = isWeightedSum,
        };
    }

    private static ParentKinship To(string model, GramRow parent, GramRow child)
    {
        Gram gram = new([child, parent]);
        return new(model, gram.Kinship(KinshipMeasure.Pearson, 0, 1), gram.Kinship(KinshipMeasure.Cosine, 0, 1),
            gram.Kinship(KinshipMeasure.Euclidean, 0, 1));
    }
}
