using Pedigree.Weights.Configuration;

namespace Pedigree.Weights.Merging;

/// <summary>A mergekit configuration: how to merge, and what.</summary>
/// <param name="Body">How.</param>
/// <param name="Models">The models as written, each once, x₀ first, without the origin.</param>
/// <param name="Origin">The model that the others' task vectors begin at, where the body has an origin.</param>
public sealed record MergeConfig(MergeBody Body, IReadOnlyList<string> Models, string? Origin)
{
    /// <summary><see cref="Models"/>, and last the <see cref="Origin"/> if there is one.</summary>
    public IReadOnlyList<string> AllModels => Origin is null ? Models : [.. Models, Origin];

    /// <summary>Where each of <see cref="AllModels"/> is first named.</summary>
    public IReadOnlyList<ConfigurationPlace> Places { get; init; } = [];

    /// <summary>For each of the body's slices what it is made of; null: every model has every layer at its place.</summary>
    internal IReadOnlyList<SliceSources>? Layout { get; init; }

    /// <summary>Index of the one of <see cref="AllModels"/> whose config and small files the child takes over.</summary>
    internal int Donor => Base ?? 0;

    /// <summary>Index of the base model, if one is given.</summary>
    internal int? Base { get; init; }

    /// <summary>Whose tokens the child has; null: the donor's files are carried over.</summary>
    internal TokenizerSettings? Tokenizer { get; init; }

    /// <summary><c>auto</c>, the name of a template, or one itself; null: the donor's.</summary>
    internal string? ChatTemplate { get; init; }

    /// <summary>By which other documents of the same file name the child; null: it has no name.</summary>
    public string? Name { get; init; }

    /// <summary><c>random_seed</c>, of the methods that draw at random; null: the caller's.</summary>
    public long? Seed { get; init; }

    /// <summary>The text that was read.</summary>
    internal string Text { get; init; } = "";

    /// <summary>
    /// Reads a file of one or several documents, each of which may merge what others have made, in the order in which they can be
    /// made: the last is the result. Relative paths of models remain as written.
    /// </summary>
    /// <exception cref="BadInputException">Names file, line, column and key.</exception>
    public static IReadOnlyList<MergeConfig> ReadAll(string path) => ParseAll(path, ConfigurationReader.ReadText(path));

    /// <summary>The same of a text.</summary>
    /// <exception cref="BadInputException">Names file, line, column and key.</exception>
    public static IReadOnlyList<MergeConfig> ParseAll(string file, string text)
    {
        var documents = ConfigurationReader.ParseAll(file, text);
        if (documents.Count == 0)
            throw new BadInputException(file, null, "is empty; it must hold a merge configuration");
        List<MergeConfig> configs = [];
        foreach (var document in documents)
        {
            var config = new MergeConfigReader(document.AsMapping()).Read();
            if (config.Name is null && configs.Any(other => other.Name is null))
                throw document.Error(
                    "must have a `name`, by which another document can refer to it; one alone, the result, may be without");
            if (configs.Any(other => other.Name is not null && other.Name == config.Name))
                throw document.Error($"has the name `{config.Name}` of an earlier document");
            // Of several documents each child keeps its own as what was read, written as JSON, which YAML contains.
            configs.Add(
                config with { Text = documents.Count == 1 ? text : document.ToJson()!.ToJsonString(ChildDescription.Indented) });
        }
        return Ordered(configs);
    }

    // As in mergekit, a document may use one that stands after it, and the one without a name is the result.
    private static List<MergeConfig> Ordered(IReadOnlyList<MergeConfig> configs)
    {
        if (configs.Count == 1)
            return [.. configs];
        List<MergeConfig> ordered = [], begun = [];
        foreach (var config in configs.OrderBy(config => config.Name is null))
            Add(config);
        return ordered;

        void Add(MergeConfig config)
        {
            if (ordered.Contains(config))
                return;
            begun.Add(config);
            foreach (var (name, at) in config.AllModels.Zip(config.Places))
                Use(name, at);
            if (config.Tokenizer is { Model: { } model } tokenizer)
                Use(model, tokenizer.At);
            ordered.Add(config);
        }

        void Use(string model, ConfigurationPlace at)
        {
            if (configs.FirstOrDefault(config => config.Name is not null && config.Name == model.Split('+')[0]) is not { } used)
                return;
            if (begun.Contains(used) && !ordered.Contains(used))
                throw at.Error($"`{used.Name}` is made of what this document makes; documents cannot use each other in a circle");
            Add(used);
        }
    }

    /// <summary>Reads a text; errors call it <paramref name="file"/>.</summary>
    /// <exception cref="BadInputException">Names file, line, column and key.</exception>
    public static MergeConfig Parse(string file, string text) =>
        new MergeConfigReader(ConfigurationReader.Parse(file, text)).Read() with { Text = text };
}

/// <summary>The sources of one slice, in the order of its parameters.</summary>
/// <param name="Sources">Layers of models.</param>
/// <param name="Origin">Layers of the origin, where there is one.</param>
internal sealed record SliceSources(IReadOnlyList<LayerSource> Sources, LayerSource? Origin)
{
    /// <summary>The sources, and last the origin if there is one.</summary>
    public IReadOnlyList<LayerSource> All => Origin is null ? Sources : [.. Sources, Origin];
}

/// <summary>Layers of one model.</summary>
/// <param name="Model">Index in <see cref="MergeConfig.AllModels"/>.</param>
/// <param name="Start">First layer.</param>
/// <param name="End">The one after the last; null: all.</param>
/// <param name="At">Where it is written.</param>
internal sealed record LayerSource(int Model, int Start, int? End, ConfigurationPlace At);
