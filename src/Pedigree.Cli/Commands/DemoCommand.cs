using System.CommandLine;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Workflow;
using Spectre.Console;

namespace Pedigree.Cli.Commands;

/// <summary>Evolves the sample family twice and shows how it went.</summary>
internal static class DemoCommand
{
    private static readonly string[] Strategies = ["greedy", "kinship"];

    public static Command Create()
    {
        Argument<string?> spec = new("spec")
        {
            Description = "Another spec to run with both strategies [default: that of the sample family]",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string> store = Shared.Store();
        Verb verb = new("demo", "Evolve the sample family with the greedy and the kinship strategy, and compare", "pedigree demo",
            "pedigree demo --store ./first-try") { spec, store };
        verb.Resumes = true;
        verb.Does(async (parsed, cancellation) =>
        {
            SpecFile given = SpecFile.Load(parsed.GetValue(spec) ?? SampleSpec);
            IStore kept = Store.Open(parsed.GetValue(store)!);
            List<(RunRecord Run, string? Report)> runs = [];
            foreach (string strategy in Strategies)
                runs.Add(await RunAsync(given, strategy, kept, cancellation));
            RunSummary?[] summaries = await Task.WhenAll(runs.Select(run => RunSummary.OfAsync(run.Run)));
            ModelComparison? comparison = await RunComparison.OfBestAsync(runs[1].Run, runs[0].Run, given, cancellation);
            Output.Of(parsed)
                .Print(new { Runs = summaries, Comparison = comparison }, console => Print(console, runs, summaries, comparison));
            return 0;
        });
        return verb;
    }

    private static string SampleSpec => Path.Combine(AppContext.BaseDirectory, "samples", "demo.yaml");

    private static async Task<(RunRecord, string?)> RunAsync(
        SpecFile given, string strategy, IStore store, CancellationToken cancellation)
    {
        SpecFile spec = given with { Spec = given.Spec with { Strategy = given.Spec.Strategy with { Name = strategy } } };
        string id = RunFiles.DefaultId(spec);
        ProgressLines progress = new(strategy);
        RunRecord run = await EmbeddedHost.RunAsync(spec, store, id, progress, cancellation);
        progress.Done();
        if (progress.WasFinished)
            progress.Line($"run {id} was finished before: nothing to compute (another --store begins anew)");
        return (run, progress.WasFinished ? await RunFiles.RewriteReportAsync(run) : await RunFiles.WriteReportAsync(run));
    }

    private static void Print(
        IAnsiConsole console,
        IReadOnlyList<(RunRecord Run, string? Report)> runs,
        RunSummary?[] summaries,
        ModelComparison? comparison)
    {
        console.Write(GenerationTable.Of([.. runs.Select(run => run.Run)], console.Profile.Width));
        foreach ((RunRecord run, _) in runs)
            console.WriteLine(Verdict.Of(run));
        console.WriteLine(Verdict.Compare(runs[1].Run, runs[0].Run, comparison));
        foreach (((RunRecord run, string? report), RunSummary? summary) in runs.Zip(summaries))
        {
            console.WriteLine();
            RunCommand.PrintPlaces(console, run, summary?.Best.Path, report);
        }
    }
}
