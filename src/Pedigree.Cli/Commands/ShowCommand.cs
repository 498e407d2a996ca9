using System.CommandLine;
using Pedigree.Evolution;
using Pedigree.Storage;
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
        Option<string?> model = new("--model")
        {
            Description = "Where this model's checkpoint is; one that was removed is made again first",
            HelpName = "name",
        };
        Verb verb = new("show", "Show how a run stands: its generations and all its models", "pedigree show demo-kinship",
            "pedigree show demo-kinship --model 2-1") { id, store, model };
        verb.Does(async (parsed, cancellation) =>
        {
            RunRecord run = await Runs.LoadAsync(Store.Open(parsed.GetValue(store)!), parsed.GetValue(id)!, cancellation);
            if (parsed.GetValue(model) is { } name)
            {
                await PrintAsync(run, name, Output.Of(parsed), cancellation);
                return 0;
            }
            Dictionary<string, string?> places = [];
            foreach (Model model in run.State.Models.Values.Append(run.State.Base).OfType<Model>())
                places[model.Digest] = await run.AddressOfAsync(model);
            string? report = await run.Store.ExistsAsync(run.Run.Report, cancellation)
                ? run.Store.AddressOf(run.Run.Report)
                : null;
            Output.Of(parsed).Print(Document(run, places), console => Print(console, run, places, report));
            return 0;
        });
        return verb;
    }

    private static async Task PrintAsync(RunRecord run, string name, Output to, CancellationToken cancellation)
    {
        ProgressLines progress = new();
        using StoredModels models = new(run.Store, progress, cancellation);
        string path = (await models.FolderAsync($"{run.Id}/{name}"))!;
        progress.Done();
        to.Print(new { Run = run.Id, Name = name, run.State.Find(name).Digest, Path = path },
            console => console.Profile.Out.Writer.WriteLine(path));
    }

    private static object Document(RunRecord run, Dictionary<string, string?> places) => new
    {
        Run = run.Id,
        Strategy = run.State.Spec?.Strategy.Name,
        Completed = run.State.Completed is not null,
        StopReason = run.State.Completed?.Reason,
        run.State.Merges,
        run.State.Evaluations,
        run.State.Generations,
        Base = run.State.Base is { } ancestor ? Document(run, ancestor, places) : null,
        Models = run.State.Models.Values.OrderByDescending(model => model.Average).Select(model => Document(run, model, places)),
        Events = run.Run.LogAddress,
    };

    private static object Document(RunRecord run, Model model, Dictionary<string, string?> places) => new
    {
        model.Name,
        model.Generation,
        model.Parents,
        model.Purpose,
        model.Average,
        model.Scores,
        model.Partial,
        PValueToBest = ToBest(run, model)?.PValue,
        model.Digest,
        Path = places[model.Digest],
    };

    /// <summary>The best model and another on the same items, where they were compared.</summary>
    private static ModelComparison? ToBest(RunRecord run, Model model) =>
        run.State.Population is [Model best, ..] ? run.State.Compare(best.Name, model.Name) : null;

    private static void Print(IAnsiConsole console, RunRecord run, Dictionary<string, string?> places, string? report)
    {
        if (!run.State.Generations.IsEmpty)
        {
            console.Write(GenerationTable.Of([run], console.Profile.Width));
            Table table = Output.Table(
                ("model", false), ("parents", false), ("purpose", false), ("average %", true), ("p to best", true));
            IEnumerable<Model> models = run.State.Population.Append(run.State.Base!);
            foreach (Model model in models)
                Output.Row(table, model.Name, string.Join(" × ", model.Parents),
                    model.Name == RunState.BaseName ? "base" : model.Purpose is { } purpose ? Format.Name(purpose) : "admitted",
                    Format.Average(model), Format.PValue(ToBest(run, model)?.PValue));
            console.Write(table);
        }
        console.WriteLine(Verdict.Of(run));
        RunCommand.PrintPlaces(console, run, run.State.Population is [var best, ..] ? places[best.Digest] : null, report);
    }
}
