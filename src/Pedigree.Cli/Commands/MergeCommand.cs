using System.CommandLine;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging;
using Pedigree.Workflow.Report;
using Spectre.Console;

namespace Pedigree.Cli.Commands;

/// <summary>Merges as a mergekit configuration says.</summary>
internal static class MergeCommand
{
    public static Command Create()
    {
        Argument<string> config = new("config") { Description = "A mergekit YAML file; relative paths of models begin at its folder" };
        Argument<string> output = new("out") { Description = "Folder for the child, which must not exist" };
        Option<long> seed = new("--seed") { Description = "Seed of the methods that draw at random, DARE and DELLA" };
        Verb verb = new("merge", "Merge models as a mergekit YAML file says", "pedigree merge slerp.yaml ./child") { config, output, seed };
        verb.Does(async (parsed, cancellation) =>
        {
            (object document, string words) = await MergeAsync(parsed.GetValue(config)!, Path.GetFullPath(parsed.GetValue(output)!), parsed.GetValue(seed), cancellation);
            Output.Of(parsed).Print(document, console => console.WriteLine(words));
            return 0;
        });
        return verb;
    }

    private static async Task<(object Document, string Words)> MergeAsync(string file, string folder, long seed, CancellationToken cancellation)
    {
        MergeConfig config = MergeConfig.Read(file);
        string[] models = config.Origin is null ? [.. config.Models] : [.. config.Models, config.Origin];
        string home = Path.GetDirectoryName(Path.GetFullPath(file))!;
        ProgressLines progress = new();
        List<Checkpoint> opened = [];
        List<Relative> parents = [];
        try
        {
            foreach (string model in models)
            {
                progress.Show($"reading {model}", 0);
                Checkpoint checkpoint = Checkpoint.Open(await ModelFolders.FindAsync(model, home, progress, cancellation));
                opened.Add(checkpoint);
                parents.Add(new Relative(CheckpointDigest.Compute(checkpoint).ContentDigest, checkpoint));
            }
            Relative? origin = config.Origin is null ? null : parents[^1];
            parents.RemoveAll(parent => parent == origin);
            MergeRecipe recipe = new(config.Body, [.. parents.Select(parent => parent.Digest)], origin?.Digest, seed);
            string content = Merger.Merge(recipe, parents, origin, null, folder, models,
                progress: new Told<double>(done => progress.Show("merging", done)), cancellation: cancellation).ContentDigest;
            progress.Done();
            long parameters = opened[0].Parameters;
            return (new { Path = folder, recipe.Digest, Content = content, Parameters = parameters, config.Models },
                $"{folder}: {Format.Count(parameters)} parameters, content {content}");
        }
        finally
        {
            foreach (Checkpoint checkpoint in opened)
                checkpoint.Dispose();
        }
    }
}
