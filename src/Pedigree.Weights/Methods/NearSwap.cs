using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Pedigree.Weights.Elementwise;

namespace Pedigree.Weights.Methods;

/// <summary>
/// NearSwap: <c>x₀ + a·(x₁ − x₀)</c> with <c>a = min(1, t/|x₁ − x₀|)</c> for each element, so that what is near to x₀ is taken
/// over from x₁ and what is far moves by t (alchemonaut, <i>QuartetAnemoi-70B-t0.0001</i>, 2024).
/// </summary>
internal sealed class NearSwap : IElementwiseMethod
{
    public string Name => "nearswap";

    public IReadOnlyList<MergeParameter> Parameters { get; } = [new("t", Least: 0)];

    public (int Fewest, int Most) Models => (2, 2);

    public BaseModel BaseModel => BaseModel.First;

    public IElementwiseMerge Prepare(TensorSources tensor, IReadOnlyDictionary<string, double[]> parameters) =>
        new Moved((float)parameters["t"][0]);

    private sealed unsafe class Moved(float t) : IElementwiseMerge
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Merge(TensorBlock block)
        {
            var first = block.WeightsPointer(0);
            var second = block.WeightsPointer(1);
            var target = block.ResultPointer;
            var most = Vector512.Create(t);
            for (var i = 0; i < block.Padded; i += 16)
            {
                // min(1, t/|d|)·d, which is d cut off at ±t.
                var x = Vector512.Load(first + i);
                var other = Vector512.Load(second + i);
                var difference = other - x;
                var moved = x + Vector512.Max(Vector512.Min(difference, most), -most);
                Vector512.ConditionalSelect(Vector512.LessThanOrEqual(Vector512.Abs(difference), most), other, moved)
                    .Store(target + i);
            }
        }
    }
}
