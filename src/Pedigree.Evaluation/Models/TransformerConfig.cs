namespace Pedigree.Evaluation.Models;

/// <summary>How a stream is brought to one scale.</summary>
internal enum Normalization
{
    /// <summary>By its root mean square, times w (Zhang and Sennrich 2019, arXiv 1910.07467).</summary>
    RootMeanSquare,

    /// <summary>By its root mean square, times 1 + w, as Gemma does.</summary>
    RootMeanSquareOfOnePlus,

    /// <summary>To mean 0 and variance 1, times w plus b (Ba et al. 2016, arXiv 1607.06450).</summary>
    Layer,
}

internal enum Activation
{
    Silu,
    Gelu,
    GeluTanh,
}

/// <summary>What may differ from layer to layer.</summary>
/// <param name="Window">How many tokens a token attends to, itself included; null for all before it.</param>
/// <param name="Rotary">How positions turn queries and keys.</param>
internal sealed record LayerKind(int? Window, RotaryEmbedding Rotary);

/// <summary>
/// What config.json says of a decoder: the options by which the families differ. <see cref="ConfigReader"/> reads it.
/// </summary>
internal sealed record TransformerConfig
{
    /// <summary>model_type: where a checkpoint keeps the weights (<see cref="WeightLayout"/>).</summary>
    public required string Family { get; init; }

    /// <summary>What the names of the weights begin with, where the decoder is part of a larger model.</summary>
    public string WeightPrefix { get; init; } = "";

    public required int VocabularySize { get; init; }
    public required int Width { get; init; }
    public required int FeedForwardWidth { get; init; }
    public required int Heads { get; init; }
    public required int KeyValueHeads { get; init; }
    public required int HeadWidth { get; init; }
    public required int ContextLength { get; init; }

    /// <summary>One a layer.</summary>
    public required IReadOnlyList<LayerKind> Layers { get; init; }

    public required Normalization Normalization { get; init; }
    public required double NormEpsilon { get; init; }

    /// <summary>Whether what attention and feed-forward give is normalised too before it is added to the stream.</summary>
    public bool NormsAfter { get; init; }

    /// <summary>Whether each query's and key's head is normalised before it is turned.</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>Whether attention and feed-forward read the same stream, and both are added to it.</summary>
    public bool Parallel { get; init; }

    public required Activation Activation { get; init; }

    /// <summary>
    /// Whether the feed-forward's activation is the gate of a second projection (Shazeer 2020, arXiv 2002.05202).
    /// </summary>
    public bool Gated { get; init; } = true;

    /// <summary>What inner products of queries and keys are divided by is the root of this.</summary>
    public required double AttentionScalar { get; init; }

    /// <summary>Inner products of queries and keys, once scaled, lie within ± this: x → cap·tanh(x/cap).</summary>
    public double? AttentionCap { get; init; }

    /// <summary>Logits lie within ± this.</summary>
    public double? LogitCap { get; init; }

    /// <summary>Embeddings are multiplied by this; null where they are taken as they are.</summary>
    public double? EmbeddingScale { get; init; }

    public bool TiedHead { get; init; }
    public bool QueryKeyValueBias { get; init; }
    public bool OutputBias { get; init; }
    public bool FeedForwardBias { get; init; }

    /// <summary>Whether sequences of both lengths have the same angles, so that keys of the one serve the other.</summary>
    public bool SameAngles(int length, int other) => Layers.All(layer => layer.Rotary.SameAt(length, other));
}
