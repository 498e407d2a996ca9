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
        Verb verb = new("merge", "Merge models as a mergekit YAML file says", "pedigree merge slerp.yaml ./child") { config, output };
        verb.Does((parsed, cancellation) =>
        {
            object document = Merge(parsed.GetValue(config)!, Path.GetFullPath(parsed.GetValue(output)!), cancellation, out string words);
            Output.Of(parsed).Print(document, console => console.WriteLine(words));
            return Task.FromResult(0);
        });
        return verb;
    }

    private static object Merge(string file, string folder, CancellationToken cancellation, out string words)
    {
        MergeConfig config = MergeConfig.Read(file);
        string home = Path.GetDirectoryName(Path.GetFullPath(file))!;
        ProgressLines progress = new();
        List<Checkpoint> opened = [];
        List<Relative> parents = [];
        try
        {
            foreach (string model in config.Models)
            {
                progress.Show($"reading {model}", 0);
                Checkpoint checkpoint = Checkpoint.Open(Path.GetFullPath(model, home));
                opened.Add(checkpoint);
                parents.Add(new Relative(CheckpointDigest.Compute(checkpoint).ContentDigest, checkpoint));
            }
            MergeRecipe recipe = new(config.Body, [.. parents.Select(parent => parent.Digest)], null);
            string content = Merger.Merge(recipe, parents, null, null, folder, config.Models,
                progress: new Told<double>(done => progress.Show("merging", done)), cancellation: cancellation).ContentDigest;
            progress.Done();
            long parameters = opened[0].Parameters;
            words = $"{folder}: {Format.Count(parameters)} parameters, content {content}";
            return new { Path = folder, recipe.Digest, Content = content, Parameters = parameters, config.Models };
        }
        finally
        {
            foreach (Checkpoint checkpoint in opened)
                checkpoint.Dispose();
        }
    }
}
