namespace Pedigree.Weights.Methods.TaskVectors;

/// <summary>The parameters that all methods have that thin out and add task vectors.</summary>
internal static class TaskVectorParameters
{
    /// <summary>
    /// These and <paramref name="further"/> ones. <c>int8_mask</c>, the type of mergekit's masks, is read and has no effect: here
    /// masks are bits and exact.
    /// </summary>
    public static IReadOnlyList<MergeParameter> With(
        bool normalize, bool rescale, params IReadOnlyList<MergeParameter> further) =>
    [
        new("weight", ByModel: true), new("density", ByModel: true, Default: 1, Least: 0, Greatest: 1), .. further,
        MergeParameter.Flag("normalize", normalize), MergeParameter.Flag("rescale", rescale), new("lambda", Default: 1),
        MergeParameter.Flag("int8_mask", false),
    ];

    /// <summary>
    /// What the sum of the weighted task vectors is multiplied by: λ, and with <c>normalize</c> 1/Σwᵢ
    /// unless that sum is nearly 0.
    /// </summary>
    public static double Factor(IReadOnlyDictionary<string, double[]> parameters)
    {
        var sum = parameters["weight"].Sum();
        return parameters["lambda"][0] / (parameters["normalize"][0] != 0 && Math.Abs(sum) >= 1e-8 ? sum : 1);
    }
}
