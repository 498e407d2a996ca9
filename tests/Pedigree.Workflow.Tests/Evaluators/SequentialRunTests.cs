using Pedigree.Evolution;
using Pedigree.Storage;

namespace Pedigree.Workflow.Tests.Evaluators;

public sealed class SequentialRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_child_that_cannot_enter_S_is_given_up_and_what_is_known_of_it_is_no_score()
    {
        string text = Samples.Spec(stop: "generations: 1, kinship: null", extra: "significance: 0.05\nsequential: 0.9")
            .Replace("limit: 6", "limit: 60")
            .Replace("k: 3", "k: 2")
            .Replace($"shift: {Samples.Family}/shift", $"max: {Samples.Family}/max\n  min: {Samples.Family}/min");
        SpecFile spec = Samples.Write(_folder["spec.yaml"], text);
        RunRecord run = await EmbeddedHost.RunAsync(spec, Store.Open(_folder["store"]), "r");
        ModelEvaluated[] evaluated = [.. run.Events.OfType<ModelEvaluated>()];
        ModelEvaluated givenUp = evaluated.First(model => model.Partial is not null);
        Assert.InRange(givenUp.Partial!.Asked, 20, 119);
        Assert.Equal((120, 0.9), (givenUp.Partial.Items, givenUp.Partial.Confidence));
        double last = run.State.Find(givenUp.Partial.Rival).Average!.Value;
        Assert.True(givenUp.Average < last);
        Assert.Null(givenUp.Gain);
        Assert.DoesNotContain(run.State.Generations.SelectMany(completed => completed.Selected), name => name == givenUp.Name);
        Assert.DoesNotContain(
            run.Events.OfType<ModelsCompared>().SelectMany(compared => compared.Comparisons), made => made.First == givenUp.Name);

        // Its estimates lie apart: rows are kept of whole scores alone, and the same again finds all of it.
        int whole = evaluated.Count(model => model.Partial is null);
        Assert.Equal(2 * whole, Directory.GetFiles(_folder["store/scores"], "*.parquet").Length);
        Assert.Equal(2 * whole + evaluated.Length - whole, Directory.GetFiles(_folder["store/scores"], "*.json").Length);
        RunRecord again = await EmbeddedHost.RunAsync(spec, Store.Open(_folder["store"]), "again");
        Assert.Equal(run.Events.Count, again.Events.Count);
        Assert.True(run.Events.Zip(again.Events).All(pair => EventJson.Same(pair.First, pair.Second)));
        Assert.Null((await Auditor.ReplayAsync(Store.Open(_folder["store"]), "r", reevaluate: true)).FirstDifference);

        // Asked everything, it does not enter S either.
        RunRecord full = await EmbeddedHost.RunAsync(
            Samples.Write(_folder["full.yaml"], text.Replace("sequential: 0.9", "")), Store.Open(_folder["store"]), "full");
        Assert.Equal(run.State.Generations[^1].Selected, full.State.Generations[^1].Selected);
        Assert.All(full.Events.OfType<ModelEvaluated>(), model => Assert.Null(model.Partial));
    }
}
