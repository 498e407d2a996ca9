using System.CommandLine;
using Pedigree.Storage;
using Pedigree.Workflow;
using Spectre.Console;

namespace Pedigree.Cli.Commands;

/// <summary>Writes a run's report.</summary>
internal static class ReportCommand
{
    public static Command Create()
    {
        Argument<string> id = Shared.Run();
        Option<string> store = Shared.Store();
        Verb verb = new("report", "Write a run's report: one HTML page with curve, family tree, kinship and every decision",
            "pedigree report demo-kinship") { id, store };
        verb.Does(async (parsed, cancellation) =>
        {
            RunRecord run = await Runs.LoadAsync(Store.Open(parsed.GetValue(store)!), parsed.GetValue(id)!, cancellation);
            string path = await RunFiles.WriteReportAsync(run);
            Output.Of(parsed).Print(new { Run = run.Id, Path = path }, console => console.WriteLine(path));
            return 0;
        });
        return verb;
    }
}
