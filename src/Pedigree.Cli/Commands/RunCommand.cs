using System.CommandLine;
using Pedigree.Storage;
using Pedigree.Workflow;
using Pedigree.Workflow.Publishing;
using Spectre.Console;

namespace Pedigree.Cli.Commands;

/// <summary>Runs a spec, or goes on with it.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        Argument<string> spec = new("spec") { Description = "What to evolve, by what tasks, how: a YAML or JSON file" };
        Option<string> store = Shared.Store();
        Option<string> id =
            new("--run") { Description = "Id of the run [default: name of the spec and strategy]", HelpName = "id" };
        Option<string?> publish = Shared.Publish();
        Verb verb = new("run", "Evolve models as a spec says; the same command again goes on where it was interrupted",
            "pedigree run evolve.yaml", "pedigree run evolve.yaml --store ./elsewhere --run first")
        {
            spec, store, id, publish,
        };
        verb.Resumes = true;
        verb.Does(async (parsed, cancellation) =>
        {
            SpecFile file = SpecFile.Load(parsed.GetValue(spec)!);
            string run = parsed.GetValue(id) ?? RunFiles.DefaultId(file);
            ProgressLines progress = new();
            IStore kept = Store.Open(parsed.GetValue(store)!);
            RunRecord record = await EventPublisher.BesideAsync(
                new(kept, run), EventTarget.OfEnvironment(parsed.GetValue(publish)),
                () => EmbeddedHost.RunAsync(file, kept, run, progress, cancellation), delivery => Tell(delivery, progress));
            progress.Done();
            if (progress.WasFinished)
                progress.Line($"run {run} was finished before: nothing to compute");
            string? report = progress.WasFinished
                ? await RunFiles.RewriteReportAsync(record)
                : await RunFiles.WriteReportAsync(record);
            RunSummary? summary = await RunSummary.OfAsync(record);
            Output.Of(parsed).Print(summary, console =>
            {
                console.Write(GenerationTable.Of([record], console.Profile.Width));
                console.WriteLine(Verdict.Of(record));
                PrintPlaces(console, record, summary?.Best.Path, report);
            });
            return 0;
        });
        return verb;
    }

    private static void Tell(Delivery delivery, ProgressLines progress)
    {
        if (delivery.Warning is { } warning)
            progress.Line($"{warning}; the same command again delivers the rest");
    }

    /// <summary>Where the best model, the log and the report lie.</summary>
    public static void PrintPlaces(IAnsiConsole console, RunRecord run, string? best, string? report)
    {
        // Written past the console, which would break a long path in two.
        TextWriter output = console.Profile.Out.Writer;
        output.WriteLine($"run         {run.Id}");
        if (best is not null)
            output.WriteLine($"best model  {best}");
        output.WriteLine($"event log   {run.Run.LogAddress}");
        if (report is not null)
            output.WriteLine($"report      {report}");
    }
}
