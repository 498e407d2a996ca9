using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;

namespace Pedigree.Weights.Merging;

/// <summary>One tensor of a child: where it comes from and how.</summary>
internal sealed class TensorMerge
{
    /// <param name="name">Its name.</param>
    /// <param name="parents">The parents.</param>
    /// <param name="coefficients">One for each parent; null: carried through, all parents must have the same bytes.</param>
    /// <param name="dType">The configuration's <c>dtype</c>.</param>
    /// <param name="outDType">The configuration's <c>out_dtype</c>.</param>
    public TensorMerge(string name, IReadOnlyList<Relative> parents, double[]? coefficients, DType? dType, DType? outDType)
    {
        Name = name;
        Folders = [.. parents.Select(parent => parent.Checkpoint.Folder)];
        Sources = [.. parents.Select(parent => parent.Checkpoint.Find(name)!)];
        Coefficients = coefficients;
        var narrow = dType is DType.BF16 or DType.F16 ? dType : null;
        Output = coefficients is null ? Sources[0].DType : outDType ?? dType ?? Sources[0].DType;
        Input = narrow ?? (Sources.All(source => source.DType == Sources[0].DType) ? Sources[0].DType : DType.F32);
        Rounded = narrow is not null && narrow != Output ? narrow.Value : Output;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The parents' folders, for errors.</summary>
    public IReadOnlyList<string> Folders { get; }

    /// <summary>The parents' tensors.</summary>
    public IReadOnlyList<Tensor> Sources { get; }

    /// <summary>One for each parent, or null where the tensor is carried through.</summary>
    public double[]? Coefficients { get; }

    /// <summary>Type to which the sources are brought: a lossy one only if the configuration says so.</summary>
    public DType Input { get; }

    /// <summary>Type to which the sum is rounded first.</summary>
    public DType Rounded { get; }

    /// <summary>Type that is written.</summary>
    public DType Output { get; }

    /// <summary>Elements.</summary>
    public long Count => Sources[0].Count;
}
