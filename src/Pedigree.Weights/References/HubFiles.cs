using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.References;

/// <summary>
/// Which of a repository's files are fetched: weights in safetensors and the small files beside them, nothing that could run.
/// </summary>
internal static class HubFiles
{
    public const string AdapterConfig = "adapter_config.json";
    public const string AdapterWeights = "adapter_model.safetensors";

    /// <summary>The small files that a model or an adapter may have.</summary>
    public static IReadOnlyList<string> Small { get; } = [.. CheckpointFiles.Carried, AdapterConfig];

    /// <summary>Those of them that are of a tokenizer.</summary>
    public static IReadOnlyList<string> Tokenizer
    {
        get;
    } = [.. CheckpointFiles.Carried.Except([CheckpointFiles.Config, "generation_config.json"])];

    /// <summary>The files to fetch, the weights or their index last; the index names the others.</summary>
    /// <param name="model">What errors call the model.</param>
    /// <param name="files">All files of the repository.</param>
    /// <exception cref="BadInputException">There are no weights that are read.</exception>
    public static IReadOnlyList<string> Choose(string model, IReadOnlyList<string> files)
    {
        HashSet<string> present = [.. files];
        string[] small = [.. Small.Where(present.Contains)];
        foreach (var weights in new[] { CheckpointFiles.SingleShard, CheckpointFiles.Index, AdapterWeights })
            if (present.Contains(weights))
                return [.. small, weights];
        throw new BadInputException(model, null,
            files.Any(file => file.EndsWith(".bin", StringComparison.Ordinal) || file.EndsWith(".pt", StringComparison.Ordinal))
                ? "has only pickled weights on the hub, and reading a pickle can run code hidden in it; "
                    + "name a revision with safetensors"
                : $"has no `{CheckpointFiles.SingleShard}` and no `{CheckpointFiles.Index}` on the hub; "
                    + "name a repository with safetensors");
    }
}
