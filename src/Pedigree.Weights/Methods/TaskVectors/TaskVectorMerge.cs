using Pedigree.Weights.Elementwise;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Methods.TaskVectors;

/// <summary>
/// What the methods named after task vectors share: thin out each δᵢ, enlarge what is kept if <c>rescale</c> says so, multiply by
/// wᵢ, leave out what disagrees in sign, add, divide, multiply by λ, add the base.
/// </summary>
internal sealed unsafe class TaskVectorMerge : IElementwiseMerge
{
    // mergekit leaves vectors shorter than this as they are.
    private const double Shortest = 1e-7;

    private readonly ISelection _selection;
    private readonly SignConsensus? _consensus;
    private readonly float[] _coefficients;

    private TaskVectorMerge(ISelection selection, SignConsensus? consensus, float[] coefficients)
    {
        _selection = selection;
        _consensus = consensus;
        _coefficients = coefficients;
    }

    public bool WholeRows => _selection.WholeRows;

    /// <param name="tensor">The tensor.</param>
    /// <param name="parameters">Those of <see cref="TaskVectorParameters"/>.</param>
    /// <param name="selection">What is kept.</param>
    /// <param name="consensus">Whether elements that disagree in sign with the weighted sum are left out.</param>
    public static TaskVectorMerge Prepare(
        TensorSources tensor, IReadOnlyDictionary<string, double[]> parameters, ISelection selection, bool consensus)
    {
        var weights = parameters["weight"];
        var enlargement = parameters["rescale"][0] != 0 ? Enlargement(tensor, selection) : [.. weights.Select(_ => 1.0)];
        double[] coefficients = [.. weights.Zip(enlargement, (weight, factor) => weight * factor)];
        if (consensus)
            return new(selection,
                new([.. weights.Select(weight => (float)weight)], parameters["normalize"][0] != 0,
                    (float)parameters["lambda"][0]),
                [.. coefficients.Select(coefficient => (float)coefficient)]);
        var all = TaskVectorParameters.Factor(parameters);
        return new(selection, null, [.. coefficients.Select(coefficient => (float)(coefficient * all))]);
    }

    public void Merge(TensorBlock block)
    {
        var n = _coefficients.Length;
        var deltas = stackalloc float*[n];
        for (var model = 0; model < n; model++)
        {
            deltas[model] = block.DeltaPointer(model);
            if (!_selection.KeepsAll(model))
                _selection.Apply(block, model, deltas[model]);
        }
        fixed (float* coefficients = _coefficients)
            if (_consensus is not null)
                _consensus.Add(block.OriginPointer(), deltas, coefficients, n, block.ResultPointer, block.Padded);
            else
                SignConsensus.AddAll(block.OriginPointer(), deltas, coefficients, n, block.ResultPointer, block.Padded);
    }

    /// <summary>For each model Σ|δ| of all elements divided by that of those kept; 1 where either is nearly 0.</summary>
    private static double[] Enlargement(TensorSources tensor, ISelection selection)
    {
        int[] thinned = [.. Enumerable.Range(0, tensor.Models).Where(model => !selection.KeepsAll(model))];
        var blocks = thinned.Length == 0 ? 0 : tensor.Blocks(selection.WholeRows);
        var all = new double[tensor.Models, blocks];
        var kept = new double[tensor.Models, blocks];
        if (thinned.Length > 0)
            tensor.Pass(block =>
            {
                foreach (var model in thinned)
                {
                    var delta = block.DeltaPointer(model);
                    all[model, block.Index] = Magnitudes.Sum(delta, block.Padded);
                    selection.Apply(block, model, delta);
                    kept[model, block.Index] = Magnitudes.Sum(delta, block.Padded);
                }
            }, selection.WholeRows);
        double Total(double[,] sums, int model) => Enumerable.Range(0, blocks).Sum(block => sums[model, block]);
        return [.. Enumerable.Range(0, tensor.Models).Select(model =>
            (Total(all, model), Total(kept, model)) is ( >= Shortest and var before, >= Shortest and var after)
                ? before / after
                : 1)];
    }
}
