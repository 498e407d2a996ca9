using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Pedigree.Weights.Elementwise;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Methods;

/// <summary>
/// SCE: select the share <c>select_topk</c> of the places at which the δᵢ vary most between the models, calculate each model's
/// weight <c>wᵢ = Σδᵢ²/ΣⱼΣδⱼ²</c> from what is selected, erase at each place the δᵢ whose sign is not that of their sum; the rest
/// is the mean by these weights (Wan et al., <i>FuseChat: knowledge fusion of chat models</i>, 2024).
/// </summary>
/// <remarks>
/// Selected are ⌊select_topk·n⌋ of the n places whose variance is not 0, of equal ones the earlier. <c>int8_mask</c>, the type of
/// mergekit's masks, has no effect: here masks are bits and exact.
/// </remarks>
internal sealed unsafe class Sce : IElementwiseMethod
{
    public string Name => "sce";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
        [new("select_topk", Default: 1, Least: 0, Greatest: 1), MergeParameter.Flag("int8_mask", false)];

    public (int Fewest, int Most) Models => (1, int.MaxValue);

    public BaseModel BaseModel => BaseModel.Origin;

    public int Ranked(int models) => 1;

    public IElementwiseMerge Prepare(TensorSources tensor, IReadOnlyDictionary<string, double[]> parameters)
    {
        var share = parameters["select_topk"][0];
        var selected = share < 1 ? Select(tensor, share) : null;
        var squares = new double[tensor.Models, tensor.Blocks()];
        tensor.Pass(block =>
        {
            var mask = Mask(block, tensor.Models, selected);
            for (var model = 0; model < tensor.Models; model++)
            {
                var delta = Selected(block, model, mask);
                squares[model, block.Index] = Rows.Product(delta, delta, block.Padded);
            }
        });
        double[] sums = [.. Enumerable.Range(0, tensor.Models)
            .Select(model => Enumerable.Range(0, tensor.Blocks()).Sum(block => squares[model, block]))];
        var total = sums.Sum();
        return new Merged(selected, [.. sums.Select(sum => (float)(total > 0 ? sum / total : 1.0 / sums.Length))]);
    }

    private static Cut Select(TensorSources tensor, double share)
    {
        var varying = 0L;
        tensor.Pass(block =>
        {
            var count = new ReadOnlySpan<float>(Variance(block, tensor.Models), block.Count);
            Interlocked.Add(ref varying, block.Count - count.Count(0f));
        });
        return Cut.Find(tensor, (block, _) => Variance(block, tensor.Models), [(0, (long)(share * varying))])[0];
    }

    /// <summary>1 in the places selected and 0 in the others; null: all are selected.</summary>
    private static float* Mask(TensorBlock block, int models, Cut? selected)
    {
        if (selected is null)
            return null;
        var variance = Variance(block, models);
        selected.Apply(block, variance, keep: true);
        return variance;
    }

    private static float* Selected(TensorBlock block, int model, float* mask)
    {
        var delta = block.DeltaPointer(model);
        if (mask != null)
            for (var i = 0; i < block.Padded; i += 16)
                (Vector512.Load(delta + i) & ~Vector512.Equals(Vector512.Load(mask + i), Vector512<float>.Zero)).Store(delta + i);
        return delta;
    }

    /// <summary>The variance between the models' δ, without Bessel's correction, in the block's scratch.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float* Variance(TensorBlock block, int models)
    {
        var deltas = stackalloc float*[models];
        for (var model = 0; model < models; model++)
            deltas[model] = block.DeltaPointer(model);
        var target = block.ScratchPointer;
        for (var i = 0; i < block.Padded; i += 16)
        {
            var sum = Vector512<float>.Zero;
            for (var model = 0; model < models; model++)
                sum += Vector512.Load(deltas[model] + i);
            var mean = sum / Vector512.Create((float)models);
            var squares = Vector512<float>.Zero;
            for (var model = 0; model < models; model++)
            {
                var off = Vector512.Load(deltas[model] + i) - mean;
                squares += off * off;
            }
            (squares / Vector512.Create((float)models)).Store(target + i);
        }
        return target;
    }

    private sealed class Merged(Cut? selected, float[] weights) : IElementwiseMerge
    {
        private readonly SignConsensus _consensus = new(weights, normalize: true, lambda: 1, equalVotes: true);

        public void Merge(TensorBlock block)
        {
            var mask = Mask(block, weights.Length, selected);
            var deltas = stackalloc float*[weights.Length];
            for (var model = 0; model < weights.Length; model++)
                deltas[model] = Selected(block, model, mask);
            fixed (float* coefficients = weights)
                _consensus.Add(block.OriginPointer(), deltas, coefficients, weights.Length, block.ResultPointer, block.Padded);
        }
    }
}
