using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;

namespace Pedigree.Weights.Merging.Assembly;

/// <summary>
/// What models of one architecture may differ in without being different models: rows of tokens added after training, a head of
/// its own beside one tied to the embedding, constants that some tools store.
/// </summary>
internal static class CommonShape
{
    private static readonly string[] Constants = [".inv_freq", ".masked_bias", ".position_ids"];

    /// <summary>The models with the tensors that all have, and what was done, for the recipe.</summary>
    /// <param name="models">The models, more than none.</param>
    /// <param name="done">Receives a member for each thing that had to be done.</param>
    /// <param name="sameRows">Whether the vocabularies are cut to the rows that all have.</param>
    public static IReadOnlyList<Relative> Of(IReadOnlyList<Relative> models, JsonObject done, bool sameRows)
    {
        var common = SameHeads(WithoutConstants(models), done);
        return sameRows ? SameRows(common, done) : common;
    }

    private static IReadOnlyList<Relative> WithoutConstants(IReadOnlyList<Relative> models)
    {
        bool IsSpare(Tensor tensor) => Constants.Any(end => tensor.Name.EndsWith(end, StringComparison.Ordinal))
            && models.Any(model => model.Checkpoint.Find(tensor.Name) is null);
        return [.. models.Select(model => model.Checkpoint.Tensors.Any(IsSpare)
            ? Changed(model, model.Checkpoint.Tensors.Where(tensor => !IsSpare(tensor)), _ => { }) : model)];
    }

    // A model whose head is its embedding need not store it twice.
    private static IReadOnlyList<Relative> SameHeads(IReadOnlyList<Relative> models, JsonObject done)
    {
        HashSet<string> heads = [.. models.SelectMany(model => VocabularyTensors.Of(model.Checkpoint))
            .Where(tensor => tensor.Shape.Count == 2 && !Architecture.IsEmbedding(tensor.Name)).Select(tensor => tensor.Name)];
        static string? Tied(Relative model) => model.Checkpoint.Config["tie_word_embeddings"]?.ToString();
        // One that says so is run with its embedding for a head even where it stores another.
        var differ = models.Any(model => Tied(model) == "true") && models.Any(model => Tied(model) == "false");
        bool IsTied(Relative model, string head) =>
            (model.Checkpoint.Find(head) is null ? Tied(model) != "false" : differ && Tied(model) == "true")
            && VocabularyTensors.Embedding(model.Checkpoint) is not null;
        string[] wanted = [.. heads.Where(head => models.Any(model => IsTied(model, head))).Order(StringComparer.Ordinal)];
        if (wanted.Length == 0)
            return models;
        done["untied"] = new JsonArray([.. wanted.Select(head => JsonValue.Create(head))]);
        return [.. models.Select(model => Changed(
            model,
            model.Checkpoint.Tensors.Where(tensor => !wanted.Contains(tensor.Name) || !IsTied(model, tensor.Name))
                .Concat(wanted.Where(head => IsTied(model, head))
                    .Select(head => VocabularyTensors.Embedding(model.Checkpoint)!.As(head))),
            config => config["tie_word_embeddings"] = false))];
    }

    // As in mergekit, the rows that all have; unlike there, the config says so too.
    private static IReadOnlyList<Relative> SameRows(IReadOnlyList<Relative> models, JsonObject done)
    {
        long[] rows = [.. models.Select(model => VocabularyTensors.Embedding(model.Checkpoint)?.Shape[0] ?? 0)];
        var (fewest, most) = (rows.Min(), rows.Max());
        if (fewest == most || fewest == 0)
            return models;
        done["rows"] = fewest;
        return [.. models.Select(model =>
        {
            HashSet<string> names = [.. VocabularyTensors.Of(model.Checkpoint).Select(tensor => tensor.Name)];
            return Changed(
                model, model.Checkpoint.Tensors.Select(tensor => names.Contains(tensor.Name) ? tensor.Rows(fewest) : tensor),
                config => VocabularySize.Set(config, fewest));
        })];
    }

    private static Relative Changed(Relative model, IEnumerable<Tensor> tensors, Action<JsonObject> change)
    {
        var config = (JsonObject)model.Checkpoint.Config.DeepClone();
        change(config);
        return model with { Checkpoint = Checkpoint.Of(model.Checkpoint.Folder, config, tensors) };
    }
}
