using System.Text.Json.Nodes;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Checkpoints;

/// <summary>Whether models can be merged with each other weight by weight.</summary>
public static class CheckpointCompatibility
{
    // What changes the meaning of a weight. What only changes how it is used (dtype, context length, rotary base) may differ.
    private static readonly string[] Fields =
    [
        "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
        "intermediate_size", "vocab_size", "hidden_act", "tie_word_embeddings",
    ];

    /// <summary>Requires that a model has the architecture and, name by name, the tensor shapes of another.</summary>
    /// <exception cref="BadInputException">
    /// Names the model's file or folder, the first field or tensor that differs, and the other folder.
    /// </exception>
    public static void Require(Checkpoint reference, Checkpoint model)
    {
        RequireConfig(reference, model, []);

        foreach (var tensor in reference.Tensors)
        {
            var match = model.Find(tensor.Name)
                ?? throw new BadInputException(model.Address, tensor.Name, $"is missing; {reference.Address} has it");
            if (!match.Shape.SequenceEqual(tensor.Shape))
                throw new BadInputException(model.Address, tensor.Name,
                    $"has shape [{string.Join(", ", match.Shape)}], "
                    + $"but [{string.Join(", ", tensor.Shape)}] in {reference.Address}");
            if (match.DType.IsMerged() != tensor.DType.IsMerged())
                throw new BadInputException(match.File, match.StoredName,
                    $"is of type {match.DType.SafetensorsName()}, but {tensor.DType.SafetensorsName()} "
                    + $"in {reference.Address}; to be merged both must be BF16, F16 or F32");
        }
        if (model.Tensors.FirstOrDefault(tensor => reference.Find(tensor.Name) is null) is { } extra)
            throw new BadInputException(model.Address, extra.Name,
                $"is not in {reference.Address}; models must have the same tensors");
    }

    /// <summary>Requires that a model's config says the same of the architecture, but for some fields.</summary>
    /// <exception cref="BadInputException">Names the model's config.json, the field, and the other folder.</exception>
    internal static void RequireConfig(Checkpoint reference, Checkpoint model, IReadOnlyList<string> but)
    {
        foreach (var field in Fields.Except(but))
        {
            // A field that one leaves out has the default that the tensors show.
            if (reference.Config[field] is { } expected && model.Config[field] is { } actual
                && !JsonNode.DeepEquals(expected, actual))
                throw new BadInputException(Path.Combine(model.Folder, CheckpointFiles.Config), field,
                    $"is {actual.ToJsonString()}, but {expected.ToJsonString()} in {reference.Address}; "
                    + "models must have the same architecture");
        }
    }
}
