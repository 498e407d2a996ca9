using CsCheck;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Tests.Grams;
using Xunit;

namespace Pedigree.Weights.Tests.Methods;

/// <summary>The methods that thin out and add task vectors, each against its formula in float64.</summary>
public sealed class TaskVectorTests
{
    private const long Seed = 5;

    /// <summary>
    /// How a method thins out a δ: with the model's density, γ and ε, the tensor's row length and the random numbers' key.
    /// </summary>
    private delegate double[] Thinning(double[] delta, double density, double third, int columns, string tensor, string model);

    private static readonly Thinning Nothing = (delta, _, _, _, _, _) => delta;
    private static readonly Thinning Magnitude = (delta, density, _, _, _, _) => Formulas.Largest(delta, density);
    private static readonly Thinning Dare =
        (delta, density, _, _, tensor, model) => Formulas.AtRandom(delta, _ => density, Seed, tensor, model);

    private static readonly Thinning Outliers = (delta, density, gamma, _, _, _) =>
    {
        var kept = Math.Max(1, (long)Math.Floor(density * delta.Length));
        var largest = Math.Min((long)Math.Floor(gamma * delta.Length), delta.Length - kept);
        return Formulas.KeepRanks(delta, largest, largest + kept);
    };

    private static readonly Thinning Ranked = (delta, density, epsilon, columns, tensor, model) =>
    {
        int[][] ranks = [.. delta.Chunk(columns).Select(Formulas.Ranks)];
        return Formulas.AtRandom(delta, i => columns == 1 ? density
            : density - epsilon + (2 * epsilon * (columns - 1 - ranks[i / columns][i % columns]) / (columns - 1)), Seed,
            tensor, model);
    };

    [Fact]
    public void Task_arithmetic() => Check("task_arithmetic", Nothing, consensus: false, normalize: false, rescale: false);

    [Fact]
    public void Ties() => Check("ties", Magnitude, consensus: true, normalize: true, rescale: false);

    [Fact]
    public void Dare_linear() => Check("dare_linear", Dare, consensus: false, normalize: false, rescale: true);

    [Fact]
    public void Dare_ties() => Check("dare_ties", Dare, consensus: true, normalize: false, rescale: true);

    [Fact]
    public void Breadcrumbs() =>
        Check("breadcrumbs", Outliers, consensus: false, normalize: false, rescale: false, "gamma", 0.01);

    [Fact]
    public void Breadcrumbs_ties() =>
        Check("breadcrumbs_ties", Outliers, consensus: true, normalize: false, rescale: false, "gamma", 0.01);

    [Fact]
    public void Della() => Check("della", Ranked, consensus: true, normalize: true, rescale: true, "epsilon", 0.15);

    [Fact]
    public void Della_linear() =>
        Check("della_linear", Ranked, consensus: false, normalize: false, rescale: true, "epsilon", 0.15);

    [Theory]
    [InlineData("ties", 0.1, 0.6, -0.7)]
    [InlineData("della", 0.1, 0.8, -0.9)]
    [InlineData("ties", 0.1, 0.2, -0.3)] // a rest in float64, but none in float32
    [InlineData("task_arithmetic", 0.1, 0.2, -0.3)]
    public void Weights_that_cancel_out_but_for_rounding_are_no_divisor(string method, params double[] weights)
    {
        using var family = new Family(DType.F32, [[20, 30]], 3, 7);
        using var child = Merged.Child(family, Merged.Configuration(method, 3, "base", "normalize: true",
            [.. weights.Select(weight => $"weight: {Merged.Number(weight)}")]));
        var consensus = method != "task_arithmetic";
        var all = 0;
        Samples.CompareElements(child, family, DType.F32, (_, origin, models) =>
        {
            double[][] deltas = [.. models.Select(model => Samples.Delta(model, origin))];
            all += origin.Where(
                (_, at) => weights.Zip(deltas, (weight, delta) => Math.Sign(weight * delta[at])).Distinct().Count() == 1).Count();
            return Formulas.Mix(origin, deltas, weights, consensus, normalize: true, 1);
        });
        Assert.True(all > 20, $"all three agree in {all} places");
    }

    /// <param name="method">Its name.</param>
    /// <param name="thinning">How it thins out.</param>
    /// <param name="consensus">Whether signs must agree.</param>
    /// <param name="normalize">The default.</param>
    /// <param name="rescale">The default.</param>
    /// <param name="third">The parameter that it has besides weight and density.</param>
    /// <param name="usually">Its default.</param>
    private static void Check(
        string method,
        Thinning thinning,
        bool consensus,
        bool normalize,
        bool rescale,
        string? third = null,
        double usually = 0) =>
        // Weights that float32 adds exactly: what they are divided by is as exact.
        Gen.Select(Samples.DTypes, Samples.Shapes, Gen.Int[-32, 32].Select(i => i / 32.0).Array[3], Gen.Double[0.2, 0.8].Array[3],
            Gen.Double[0, 0.15].Array[3], Gen.Int[0, 7], Gen.Int)
            .Sample((dType, shapes, weights, densities, thirds, choices, seed) =>
            {
                // Defaults one time in two, so that they are tested too; all kept one time in eight.
                var (usual, other) = (choices % 2 == 0, (choices & 2) != 0);
                if (choices == 7)
                    densities[1] = 1;
                using var family = new Family(dType, shapes, 3, seed);
                var global = usual ? "" : $"normalize: {Word(other)}, rescale: {Word(other)}, lambda: 0.7, int8_mask: true";
                using var child = Merged.Child(family, Merged.Configuration(method, 3, "base", global,
                    [.. weights.Select((weight, i) => $"weight: {Merged.Number(weight)}, density: {Merged.Number(densities[i])}"
                        + (third is null || usual ? "" : $", {third}: {Merged.Number(thirds[i])}"))]), seed: Seed);
                Samples.CompareElements(child, family, dType, (tensor, origin, models) =>
                {
                    var columns = (int)(tensor.Shape.Count == 0 ? 1 : tensor.Shape[^1]);
                    double[][] deltas = [.. models.Select((model, i) =>
                    {
                        var delta = Samples.Delta(model, origin);
                        var thinned = densities[i] >= 1 || delta.Length == 0 ? delta
                            : thinning(delta, densities[i], usual ? usually : thirds[i], columns, tensor.Name, $"m{i}");
                        return (usual ? rescale : other) && thinning != Nothing ? Formulas.Enlarged(thinned, delta) : thinned;
                    })];
                    return Formulas.Mix(origin, deltas, weights, consensus, usual ? normalize : other, usual ? 1 : 0.7);
                });
            }, iter: 12);

    private static string Word(bool value) => value ? "true" : "false";
}
