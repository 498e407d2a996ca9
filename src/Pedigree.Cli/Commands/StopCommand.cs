using System.CommandLine;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow;
using Spectre.Console;

namespace Pedigree.Cli.Commands;

/// <summary>Asks a run to end.</summary>
internal static class StopCommand
{
    public static Command Create()
    {
        Argument<string> id = Shared.Run();
        Option<string> store = Shared.Store();
        Verb verb = new("stop", "Ask a run to end for good after the generation it is in (to interrupt it, press Ctrl-C)",
            "pedigree stop evolve-kinship") { id, store };
        verb.Does(async (parsed, cancellation) =>
        {
            RunRecord run = await Runs.LoadAsync(Store.Open(parsed.GetValue(store)!), parsed.GetValue(id)!, cancellation);
            if (run.State.Completed is not null)
                throw new BadInputException(run.Store.Address, "run", $"`{run.Id}` is finished already");
            await run.Run.RequestStopAsync(cancellation);
            Output.Of(parsed).Print(new { Run = run.Id, Requested = true },
                console => console.WriteLine($"{run.Id} will end after generation {run.State.NextGeneration}."));
            return 0;
        });
        return verb;
    }
}
