using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Pedigree.Weights.Elementwise;

namespace Pedigree.Weights.Methods;

/// <summary>
/// Adds to the origin what exactly one model has changed, times that model's factor, and the mean of what several have.
/// </summary>
/// <param name="epsilon">An element is changed where |δ| is greater.</param>
/// <param name="factors">For each model.</param>
internal sealed unsafe class ChangedElements(float epsilon, float[] factors) : IElementwiseMerge
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Merge(TensorBlock block)
    {
        var n = factors.Length;
        var deltas = Deltas(block, stackalloc nint[n]);
        var origin = block.OriginPointer();
        for (var i = 0; i < block.Padded; i += 16)
        {
            var sum = Vector512<float>.Zero;
            var alone = Vector512<float>.Zero;
            var count = Vector512<float>.Zero;
            for (var model = 0; model < n; model++)
            {
                var delta = Vector512.Load((float*)deltas[model] + i);
                var changed = Vector512.GreaterThan(Vector512.Abs(delta), Vector512.Create(epsilon));
                sum += delta & changed;
                alone += Vector512.Create(factors[model]) * (delta & changed);
                count += Vector512<float>.One & changed;
            }
            var mean = sum / Vector512.Max(count, Vector512<float>.One);
            var added = Vector512.ConditionalSelect(Vector512.Equals(count, Vector512<float>.One), alone, mean);
            (Vector512.Load(origin + i) + added).Store(block.ResultPointer + i);
        }
    }

    /// <summary>For each model how many elements it has changed with others, and how many alone.</summary>
    public static (long[] Shared, long[] Alone) Count(TensorSources tensor, float epsilon)
    {
        var n = tensor.Models;
        var (shared, alone) = (new long[n], new long[n]);
        foreach (var counts in tensor.Pass(() => new long[2 * n], (counts, block) => Count(block, epsilon, n, counts)))
            for (var model = 0; model < n; model++)
            {
                shared[model] += counts[model];
                alone[model] += counts[n + model];
            }
        return (shared, alone);
    }

    private static void Count(TensorBlock block, float epsilon, int n, long[] counts)
    {
        var deltas = Deltas(block, stackalloc nint[n]);
        var changed = stackalloc ulong[n];
        for (var i = 0; i < block.Padded; i += 16)
        {
            ulong one = 0, several = 0;
            for (var model = 0; model < n; model++)
            {
                changed[model] = Vector512.GreaterThan(Vector512.Abs(Vector512.Load((float*)deltas[model] + i)),
                    Vector512.Create(epsilon)).ExtractMostSignificantBits();
                several |= one & changed[model];
                one |= changed[model];
            }
            for (var model = 0; model < n; model++)
            {
                counts[model] += BitOperations.PopCount(changed[model] & several);
                counts[n + model] += BitOperations.PopCount(changed[model] & ~several);
            }
        }
    }

    private static Span<nint> Deltas(TensorBlock block, Span<nint> deltas)
    {
        for (var model = 0; model < deltas.Length; model++)
            deltas[model] = (nint)block.DeltaPointer(model);
        return deltas;
    }
}
