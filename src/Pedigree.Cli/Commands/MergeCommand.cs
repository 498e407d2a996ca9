using System.CommandLine;
using System.Globalization;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Merging;
using Pedigree.Weights.References;
using Pedigree.Workflow.Explaining;
using Pedigree.Workflow.Report;
using Spectre.Console;

namespace Pedigree.Cli.Commands;

/// <summary>Merges as a mergekit configuration says, explains such a merge, or verifies its result.</summary>
internal static class MergeCommand
{
    public static Command Create()
    {
        Argument<string?> config = new("config")
        {
            Description = "A mergekit YAML file; relative paths of models begin at its folder",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Argument<string?> output =
            new("out") { Description = "Folder for the child, which must not exist", Arity = ArgumentArity.ZeroOrOne };
        Option<long?> seed = new("--seed")
        {
            Description = "Seed of the methods that draw at random, DARE and DELLA; goes before the file's random_seed",
        };
        Option<string> shards = new("--shard-size")
        {
            Description = "Most bytes of weights in a file",
            DefaultValueFactory = _ => "5GB",
            HelpName = "size",
        };
        Option<bool> explain = new("--explain")
        {
            Description = "Say how each tensor would be merged, how alike the child would be to its parents, "
                + "and what it would cost, without reading or writing weights",
        };
        Option<string?> verify = new("--verify")
        {
            Description = "Compare a merged model with the recipe beside it, instead of merging; exit 1 if anything differs",
            HelpName = "folder",
        };
        Option<string> store = Shared.Store();
        Verb verb = new("merge", "Merge models as a mergekit YAML file says", "pedigree merge slerp.yaml ./child",
            "pedigree merge slerp.yaml ./child --shard-size 2GB", "pedigree merge slerp.yaml --explain",
            "pedigree merge --verify ./child")
            { config, output, seed, shards, explain, verify, store };
        verb.Resumes = true;
        verb.Does(async (parsed, cancellation) =>
        {
            Output to = Output.Of(parsed);
            if (parsed.GetValue(verify) is { } folder)
            {
                if (parsed.GetValue(config) is not null || parsed.GetValue(explain))
                    throw new BadInputException("--verify", null,
                        "looks at a finished merge: give neither a configuration nor --explain with it");
                return Verify(folder, to);
            }
            string file = parsed.GetValue(config)
                ?? throw new BadInputException("merge", "config", "is missing; give a mergekit YAML file");
            ProgressLines progress = new();
            using ModelFolders models = new(parsed, store, progress, cancellation);
            if (parsed.GetValue(explain))
            {
                string? child = parsed.GetValue(output);
                await ExplainAsync(file, child is null ? null : Path.GetFullPath(child),
                    parsed.GetValue(seed), Store.Open(parsed.GetValue(store)!), models, to, cancellation);
                return 0;
            }
            string target = Path.GetFullPath(parsed.GetValue(output) is { Length: > 0 } given ? given
                : throw new BadInputException("merge", "out", "is missing; give a folder for the child"));
            await MergeAsync(
                file, target, parsed.GetValue(seed), Size(parsed.GetValue(shards)!), models, progress, to, cancellation);
            return 0;
        });
        return verb;
    }

    private static int Verify(string folder, Output to)
    {
        if (!File.Exists(Path.Combine(folder, MergeRecipe.FileName)))
            throw new BadInputException(folder, null, $"is no merged model: it has no {MergeRecipe.FileName}");
        string path = Path.GetFullPath(folder);
        try
        {
            string digest = MergeVerification.Verify(folder);
            to.Print(new { Path = path, Verified = true, Digest = digest },
                console => console.WriteLine($"{folder}: every file is as it was written, recipe {digest}"));
            return 0;
        }
        catch (BadInputException difference) when (difference is not UnavailableException)
        {
            to.Print(new { Path = path, Verified = false, FirstDifference = difference.Message },
                console => console.WriteLine($"{folder}: NOT as it was written. {difference.Message}"));
            return 1;
        }
    }

    private static async Task MergeAsync(string file, string folder, long? seed, long maxShardSize, ModelFolders models,
        ProgressLines progress, Output to, CancellationToken cancellation)
    {
        IReadOnlyList<MergeConfig> stages = MergeConfig.ReadAll(file);
        Pace pace = new(TimeProvider.System);
        MergedChild child = await MergePipeline.RunAsync(
            stages, Home(file), HubSettings.FromEnvironment(), models.StoredAsync, folder, maxShardSize, seed,
            new Told<string>(doing =>
            {
                progress.Show(doing);
                pace = new(TimeProvider.System);
            }),
            new Told<MergeProgress>(news => progress.Show($"merging {pace.Of(news.Done, news.Bytes)}")), cancellation);
        progress.Done();
        foreach (MergeSpeed speed in child.Speeds)
            MergeSpeeds.Add(speed);
        if (child.Warnings.Count > 0)
            progress.Line($"warning: {string.Join("; ", child.Warnings)}");
        to.Print(
            new { Path = child.Folder, child.Digest, child.Content, child.Parameters, stages[^1].Models, child.Warnings },
            console =>
                console.WriteLine($"{child.Folder}: {Format.Count(child.Parameters)} parameters, content {child.Content}"));
    }

    private static async Task ExplainAsync(
        string file, string? folder, long? seed, IStore store, ModelFolders models, Output to, CancellationToken cancellation)
    {
        IReadOnlyList<StageExplanation> stages = await MergeExplainer.ExplainAsync(
            MergeConfig.ReadAll(file), Home(file), HubSettings.FromEnvironment(), store, models.StoredAsync, folder, seed,
            cancellation);
        ExplainedMerge.Print(stages, folder, to);
    }

    private static string Home(string file) => Path.GetDirectoryName(Path.GetFullPath(file))!;

    private static long Size(string text)
    {
        (string Unit, double Bytes)[] units = [("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1)];
        string word = text.Trim().ToUpperInvariant();
        (string unit, double bytes) = units.FirstOrDefault(unit => word.EndsWith(unit.Unit, StringComparison.Ordinal), ("", 1));
        return double.TryParse(
            word[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
            && number * bytes is >= 1 and < 1e18
            ? (long)(number * bytes)
            : throw new BadInputException("--shard-size", null, $"`{text}` is no size; give one such as 5GB or 500MB");
    }
}
