using System.CommandLine;
using Pedigree.Evolution;
using Pedigree.Workflow;
using Pedigree.Workflow.Report;
using Spectre.Console;

namespace Pedigree.Cli.Commands;

/// <summary>Shows one run.</summary>
internal static class ShowCommand
{
    public static Command Create()
    {
        Argument<string> id = Shared.Run();
        Option<string> store = Shared.Store();
        Verb verb = new("show", "Show how a run stands: its generations and all its models", "pedigree show demo-kinship") { id, store };
        verb.SetAction(parsed =>
        {
            RunRecord run = Runs.Load(parsed.GetValue(store)!, parsed.GetValue(id)!);
            Output.Of(parsed).Print(Document(run), console => Print(console, run));
            return 0;
        });
        return verb;
    }

    private static object Document(RunRecord run) => new
    {
        Run = run.Id,
        Strategy = run.State.Spec?.Strategy.Name,
        Completed = run.State.Completed is not null,
        StopReason = run.State.Completed?.Reason,
        run.State.Merges,
        run.State.Evaluations,
        run.State.Generations,
        Base = run.State.Base is { } ancestor ? Document(run, ancestor) : null,
        Models = run.State.Models.Values.OrderByDescending(model => model.Average).Select(model => Document(run, model)),
        Events = run.Folder.Log,
    };

    private static object Document(RunRecord run, Model model) => new
    {
        model.Name,
        model.Generation,
        model.Parents,
        model.Purpose,
        model.Average,
        model.Scores,
        model.Digest,
        Path = run.PathOf(model),
    };

    private static void Print(IAnsiConsole console, RunRecord run)
    {
        if (!run.State.Generations.IsEmpty)
        {
            console.Write(GenerationTable.Of([run], console.Profile.Width));
            Table table = Output.Table(("model", false), ("parents", false), ("purpose", false), ("average %", true));
            IEnumerable<Model> models = run.State.Population.Append(run.State.Base!);
            foreach (Model model in models)
                Output.Row(table, model.Name, string.Join(" × ", model.Parents),
                    model.Name == RunState.BaseName ? "base" : model.Purpose?.ToString().ToLowerInvariant() ?? "admitted", Format.Percent(model.Average));
            console.Write(table);
        }
        console.WriteLine(Verdict.Of(run));
        RunCommand.PrintPlaces(console, run, File.Exists(run.Folder.Report) ? run.Folder.Report : null);
    }
}
