namespace Pedigree.Weights.Methods;

/// <summary>
/// A way to merge. A new one is one class that implements <see cref="IWeightedSumMethod"/> or <see cref="IElementwiseMethod"/>,
/// added to <see cref="MergeMethods"/>; reading, rounding, writing, parameters by layer and threads come with it. A class may
/// implement both, where it depends on the parameters which of the two it is.
/// </summary>
public interface IMergeMethod
{
    /// <summary>The <c>merge_method</c> of a configuration.</summary>
    string Name { get; }

    /// <summary>What may stand under <c>parameters</c>.</summary>
    IReadOnlyList<MergeParameter> Parameters { get; }

    /// <summary>Fewest and most models, without one that is the <see cref="BaseModel.Origin"/>.</summary>
    (int Fewest, int Most) Models { get; }

    /// <summary>What <c>base_model</c> means.</summary>
    BaseModel BaseModel { get; }

    /// <summary>Whether the result depends on the seed.</summary>
    bool IsRandom => false;

    /// <summary>Refuses parameters that are each within their range, but cannot be used together.</summary>
    /// <param name="parameters">By name, the value for each model (the same for all where it is not given by model).</param>
    /// <exception cref="ArgumentException">Says what would be right.</exception>
    void Check(IReadOnlyDictionary<string, double[]> parameters)
    {
    }
}

/// <summary>What <c>base_model</c> means to a method.</summary>
public enum BaseModel
{
    /// <summary>Nothing: it is merged like any other model. May be left out.</summary>
    Merged,

    /// <summary>It is x₀, the model that the others are brought into. In a run: the better parent.</summary>
    First,

    /// <summary>
    /// It is the point that the models differ from by their task vectors δᵢ = xᵢ − base. In a run: the run's base.
    /// </summary>
    Origin,

    /// <summary>As <see cref="Origin"/> where it is given; otherwise the weights themselves are merged.</summary>
    OptionalOrigin,
}
