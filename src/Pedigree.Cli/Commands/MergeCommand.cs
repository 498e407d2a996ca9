using System.CommandLine;
using Pedigree.Weights.Merging;
using Pedigree.Weights.References;
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
        string home = Path.GetDirectoryName(Path.GetFullPath(file))!;
        ProgressLines progress = new();
        using ConfiguredMerge merge = await ConfiguredMerge.OpenAsync(
            config, home, ModelLocator.Default, $"{folder}.{Guid.NewGuid():N}.scratch", seed, new Told<string>(progress.Show), cancellation);
        string content = merge.Write(folder, progress: new Told<double>(done => progress.Show("merging", done)), cancellation: cancellation).ContentDigest;
        progress.Done();
        return (new { Path = folder, merge.Recipe.Digest, Content = content, merge.Parameters, config.Models },
            $"{folder}: {Format.Count(merge.Parameters)} parameters, content {content}");
    }
}
