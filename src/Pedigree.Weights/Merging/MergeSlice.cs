namespace Pedigree.Weights.Merging;

/// <summary>Layers of the child with parameters of their own.</summary>
/// <param name="Start">First layer.</param>
/// <param name="End">The one after the last; null: all layers.</param>
/// <param name="Parameters">Values for all sources.</param>
/// <param name="Sources">Values for each source, in order; empty: none has its own.</param>
internal sealed record MergeSlice(
    int Start,
    int? End,
    IReadOnlyDictionary<string, ParameterValue> Parameters,
    IReadOnlyList<IReadOnlyDictionary<string, ParameterValue>> Sources)
{
    /// <summary>For each source the layer of its model that becomes <see cref="Start"/>; empty: that one.</summary>
    public IReadOnlyList<int> Starts { get; init; } = [];

    /// <summary>Whether its only source is taken as it is: the method would merge it with another.</summary>
    public bool IsAlone { get; init; }

    /// <summary>The part of the model that the layers belong to; null where the model is not divided.</summary>
    public MergeModule? Module { get; init; }
}

/// <summary>A part of a model, such as its language model or its vision tower.</summary>
/// <param name="Name">A part of its tensors' names, or <see cref="Default"/>.</param>
/// <param name="Parameters">Values for the part.</param>
internal sealed record MergeModule(string Name, IReadOnlyDictionary<string, ParameterValue> Parameters)
{
    /// <summary>What no other module has.</summary>
    public const string Default = "default";

    // What mergekit calls the language model of a model with several parts.
    private const string TextDecoder = "text_decoder";

    /// <summary>Whether a tensor belongs to it by its name.</summary>
    public bool Has(string tensor) =>
        tensor.Split('.').Any(part => part == Name || Name == TextDecoder && part is "language_model" or "text_model");
}
