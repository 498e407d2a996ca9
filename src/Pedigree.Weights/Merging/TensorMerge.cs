using System.Globalization;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Kernels;
using Pedigree.Weights.Methods;

namespace Pedigree.Weights.Merging;

/// <summary>One tensor of a child: where it comes from and how.</summary>
public sealed record TensorMerge
{
    private readonly MergeBody _body;

    /// <param name="name">Its name.</param>
    /// <param name="recipe">The recipe of the child.</param>
    /// <param name="parents">The parents.</param>
    /// <param name="origin">What their task vectors begin at, if they are merged by those.</param>
    /// <param name="coefficients">
    /// One for each parent, and one for the origin; null: not known yet, an elementwise method's, or carried through.
    /// </param>
    /// <param name="coefficientsOf">Finds them, where they are not known.</param>
    /// <param name="parameters">By name, the value for each parent.</param>
    internal TensorMerge(
        string name, MergeRecipe recipe, IReadOnlyList<Relative> parents, Relative? origin, double[]? coefficients,
        Func<TensorGram, double[]>? coefficientsOf, IReadOnlyDictionary<string, double[]> parameters)
    {
        _body = recipe.Body;
        Name = name;
        Models = parents.Count;
        Sources = [.. (origin is null ? parents : [.. parents, origin]).Select(relative => relative.Checkpoint.Find(name)!)];
        (Coefficients, CoefficientsOf) = (coefficients, coefficientsOf);
        Parameters = parameters;
        // As in mergekit, the type is the origin's where there is one.
        var usual = Sources[origin is null ? 0 : ^1].DType;
        Elementwise = usual.IsMerged() && coefficients is null && coefficientsOf is null
            ? (IElementwiseMethod)recipe.Body.Method
            : null;
        RandomKeys = [.. recipe.Parents.Select(parent => Chance.Key(recipe.Seed, name, parent))];
        var narrow = recipe.Body.DType is DType.BF16 or DType.F16 ? recipe.Body.DType : null;
        Output = recipe.Body.Written(usual);
        Input = narrow ?? (Sources.All(source => source.DType == usual) ? usual : DType.F32);
        Rounded = narrow is not null && narrow != Output ? narrow.Value : Output;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Number of parents: the sources without the origin.</summary>
    internal int Models { get; }

    /// <summary>The parents' tensors, and last the origin's if there is one.</summary>
    public IReadOnlyList<Tensor> Sources { get; internal init; }

    /// <summary>
    /// One for each source; null where the tensor is merged elementwise or carried through, or they are not known yet.
    /// </summary>
    public double[]? Coefficients { get; internal init; }

    /// <summary>Finds the coefficients from the tensor's products, where they are not known before it is read.</summary>
    internal Func<TensorGram, double[]>? CoefficientsOf { get; }

    /// <summary>The method that merges it elementwise, or null.</summary>
    internal IElementwiseMethod? Elementwise { get; }

    /// <summary>By name, the value for each parent.</summary>
    internal IReadOnlyDictionary<string, double[]> Parameters { get; }

    /// <summary>For each parent the key of its random numbers.</summary>
    internal IReadOnlyList<ulong> RandomKeys { get; }

    /// <summary>Type to which the sources are brought: a lossy one only if the configuration says so.</summary>
    public DType Input { get; }

    /// <summary>Type to which the sum is rounded first.</summary>
    public DType Rounded { get; }

    /// <summary>Type that is written.</summary>
    public DType Output { get; }

    /// <summary>Elements.</summary>
    public long Count => Sources[0].Count;

    /// <summary>The error where finite weights give elements that are not, in a stretch of the child's.</summary>
    internal BadInputException Overflow(long start, int count) => new(_body.File, _body.ParametersFor(Name),
        $"merged, elements {start} to {start + count - 1} overflow {MergeBody.Name(Output)} with "
        + string.Join(", ", Parameters.Select(parameter => $"{parameter.Key} {Words(parameter.Value)}"))
        + "; choose smaller values or a wider out_dtype");

    private static string Words(double[] values) =>
        string.Join(" and ", values.Distinct().Select(value => value.ToString(CultureInfo.InvariantCulture)));

    /// <summary>What is written.</summary>
    public PlannedTensor Planned => new(Name, Output, Sources[0].Shape);
}
