using Pedigree.Evaluation;
using Pedigree.Evaluation.Outside;
using Pedigree.Evaluation.Tests;
using Pedigree.Evolution;
using Pedigree.Storage;

namespace Pedigree.Workflow.Tests.Evaluators;

public sealed class CompletionsRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_run_whose_models_a_server_computes_scores_as_one_that_computes_them_itself()
    {
        using CompletionsServer server = new() { Answer = _ => null };
        string rows = File.ReadAllText(Path.Combine(Samples.Family, "tasks", "sort.jsonl"));
        File.WriteAllLines(_folder["rows.jsonl"], rows.Split('\n')[..6]);
        File.WriteAllText(_folder["pick.yaml"], """
            task: pick
            output_type: multiple_choice
            doc_to_text: question
            doc_to_choice: "{{[answer[::-1], answer, 'abc']}}"
            doc_to_target: answer
            target_delimiter: ""
            data: rows.jsonl
            """);
        SpecFile served = Spec("served",
            $"evaluator: {{ name: completions, url: {server.Url}, model: \"{{model}}\", attempts: 1 }}");
        // A server that fails is no score of 0.
        Assert.Contains("answers 500", (await Assert.ThrowsAsync<EvaluatorFailedException>(() => RunAsync(served))).Message);
        Assert.IsType<RunSuspended>((await Runs.LoadAsync(Store.Open(_folder["served"]), "r")).Events[^1]);

        server.Answer = server.Complete;
        RunRecord run = await RunAsync(served);
        RunRecord own = await RunAsync(Spec("own", ""));
        ModelEvaluated[] evaluated = [.. run.Events.OfType<ModelEvaluated>()];
        Assert.True(evaluated.Length > 4);
        Assert.All(evaluated, model => Assert.EndsWith(" with completions 0.0.1", model.Evaluator));
        foreach ((ModelEvaluated there, ModelEvaluated here) in evaluated.Zip(own.Events.OfType<ModelEvaluated>()))
        {
            Assert.Equal((here.Name, here.Average), (there.Name, there.Average));
            Assert.Equal(here.Scores, there.Scores);
        }
        foreach (ModelEvaluated model in evaluated)
        {
            List<ItemRow[]> kept = [];
            foreach (string store in new[] { "served", "own" })
                kept.Add([.. (await KeptItems.OfAsync(Store.Open(_folder[store]), $"r/{model.Name}",
                    TestContext.Current.CancellationToken)).SelectMany(task => task.Rows)]);
            foreach ((ItemRow there, ItemRow here) in kept[0].Zip(kept[1]))
            {
                Assert.Equal(
                    (here.Task, here.DocId, here.Output, here.Score), (there.Task, there.DocId, there.Output, there.Score));
                Assert.Equal(here.IsGreedy, there.IsGreedy);
                Assert.All(here.LogLikelihoods.Zip(there.LogLikelihoods), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
            }
        }
    }

    private SpecFile Spec(string name, string evaluator) => Samples.Write(_folder[$"{name}.yaml"],
        Samples.Spec(stop: "generations: 1, kinship: null", extra: evaluator)
            .Replace($"{Samples.Family}/tasks/reverse.yaml", _folder["pick.yaml"]));

    private Task<RunRecord> RunAsync(SpecFile spec) =>
        EmbeddedHost.RunAsync(spec, Store.Open(_folder[Path.GetFileNameWithoutExtension(spec.Path)]), "r");
}
