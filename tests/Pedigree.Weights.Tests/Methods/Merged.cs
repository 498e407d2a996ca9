using System.Globalization;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging;
using Pedigree.Weights.Tests.Grams;

namespace Pedigree.Weights.Tests.Methods;

/// <summary>Children of a family by a method, and their elements.</summary>
internal static class Merged
{
    /// <summary>A mergekit configuration of models m0, m1 …; <paramref name="own"/> has each model's own parameters.</summary>
    public static string Configuration(string method, int models, string? baseModel, string parameters, params string[] own) => $"""
        merge_method: {method}
        models: [{string.Join(", ", Enumerable.Range(0, models).Select(i => $"{{model: m{i}, parameters: {{{(own.Length > i ? own[i] : "")}}}}}"))}]
        {(baseModel is null ? "" : $"base_model: {baseModel}")}
        parameters: {"{"}{parameters}{"}"}
        """;

    public static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>The child, whose folder lies beside the family's.</summary>
    public static Checkpoint Child(Family family, string configuration, int threads = 0, long seed = 0)
    {
        var config = MergeConfig.Parse("merge.yml", configuration);
        Relative[] parents = [.. config.Models.Select(name => name == "base" ? family.Base : family.Models.Single(model => model.Digest == name))];
        MergeRecipe recipe = new(config.Body, config.Models, config.Origin, seed);
        var target = family.Path(Guid.NewGuid().ToString("N"));
        Merger.Merge(recipe, parents, config.Origin is null ? null : family.Base, null, target, threads: threads);
        return Checkpoint.Open(target);
    }

    /// <summary>The bytes of all tensors.</summary>
    public static byte[] Bytes(Checkpoint child) => [.. child.Tensors.SelectMany(tensor => tensor.Bytes())];
}
