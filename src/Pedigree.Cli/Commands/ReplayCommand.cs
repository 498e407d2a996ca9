using System.CommandLine;
using Pedigree.Storage;
using Pedigree.Workflow;
using Pedigree.Workflow.Report;
using Spectre.Console;

namespace Pedigree.Cli.Commands;

/// <summary>Audits a run.</summary>
internal static class ReplayCommand
{
    public static Command Create()
    {
        Argument<string> id = Shared.Run();
        Option<string> store = Shared.Store();
        Option<bool> remerge = new("--remerge") { Description = "Make every child and measure all kinship again, and compare" };
        Option<bool> reevaluate = new("--reevaluate") { Description = "Score every model again and compare" };
        Verb verb = new(
            "replay", "Decide a recorded run again from its log, and verify log and checkpoints; exit 1 if anything differs",
            "pedigree replay demo-kinship",
            "pedigree replay demo-kinship --remerge --reevaluate") { id, store, remerge, reevaluate };
        verb.Does(async (parsed, cancellation) =>
        {
            ProgressLines progress = new("replay");
            ReplayResult result = await Auditor.ReplayAsync(Store.Open(parsed.GetValue(store)!), parsed.GetValue(id)!,
                parsed.GetValue(remerge), parsed.GetValue(reevaluate), progress, cancellation);
            progress.Done();
            Output.Of(parsed).Print(result, console => console.WriteLine(result.Identical
                ? $"{result.Run}: identical; {Format.Plural(result.Events, "event")} decided again and every checkpoint verified."
                : $"{result.Run}: NOT identical. {result.FirstDifference}"));
            return result.Identical ? 0 : 1;
        });
        return verb;
    }
}
