using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pedigree.Weights.Kernels;

/// <summary>
/// <c>origin + λ·Σ cᵢ·δᵢ</c> over those i whose <c>cᵢ·δᵢ</c> has the sign of their sum (a sum of 0 is positive), divided by the
/// sum of their wᵢ if <paramref name="normalize"/> says so. A zero has no sign and is left out.
/// </summary>
/// <param name="weights">wᵢ.</param>
/// <param name="normalize">Whether to divide; a divisor of 0, but for rounding, is 1.</param>
/// <param name="lambda">λ.</param>
/// <param name="equalVotes">Whether the sign is that of the sum of the δᵢ without their cᵢ.</param>
internal sealed unsafe class SignConsensus(float[] weights, bool normalize, float lambda, bool equalVotes = false)
{
    // Weights of both signs may cancel out, of which float32 leaves a rest: of 0.1 + 0.6 − 0.7 it is 6·10⁻⁸.
    private readonly float _rest = weights.Min() < 0 && weights.Max() > 0 ? 1e-6f * weights.Sum(Math.Abs) : 0;

    /// <summary>Writes the merged elements; all vectors are padded, <paramref name="count"/> too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Add(float* origin, float** deltas, float* coefficients, int n, float* target, int count)
    {
        var zero = Vector512<float>.Zero;
        var one = Vector512<float>.One;
        var factor = Vector512.Create(lambda);
        var rest = Vector512.Create(_rest);
        fixed (float* divisors = weights)
            for (var i = 0; i < count; i += 16)
            {
                var sum = zero;
                for (var model = 0; model < n; model++)
                    sum += Vector512.Create(equalVotes ? 1 : coefficients[model]) * Vector512.Load(deltas[model] + i);
                // Turned so that the sign to keep is the positive one.
                var turned = Vector512.LessThan(sum, zero).AsUInt32() & Vector512.Create(0x80000000u);
                var mixed = zero;
                var divisor = zero;
                for (var model = 0; model < n; model++)
                {
                    var term = (Vector512.Create(coefficients[model]) * Vector512.Load(deltas[model] + i)).AsUInt32() ^ turned;
                    var agrees = Vector512.GreaterThan(term.AsSingle(), zero);
                    mixed += term.AsSingle() & agrees;
                    divisor += Vector512.Create(divisors[model]) & agrees;
                }
                if (normalize)
                    mixed /= Vector512.ConditionalSelect(Vector512.LessThanOrEqual(Vector512.Abs(divisor), rest), one, divisor);
                (Vector512.Load(origin + i) + (factor * (mixed.AsUInt32() ^ turned).AsSingle())).Store(target + i);
            }
    }

    /// <summary>Writes <c>origin + Σ cᵢ·δᵢ</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddAll(float* origin, float** deltas, float* coefficients, int n, float* target, int count)
    {
        for (var i = 0; i < count; i += 16)
        {
            var sum = Vector512<float>.Zero;
            for (var model = 0; model < n; model++)
                sum += Vector512.Create(coefficients[model]) * Vector512.Load(deltas[model] + i);
            (Vector512.Load(origin + i) + sum).Store(target + i);
        }
    }
}
