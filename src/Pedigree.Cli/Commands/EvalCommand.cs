using System.CommandLine;
using Pedigree.Evaluation;
using Pedigree.Evaluation.Tasks;
using Pedigree.Workflow.Report;
using Spectre.Console;

namespace Pedigree.Cli.Commands;

/// <summary>Scores a model.</summary>
internal static class EvalCommand
{
    public static Command Create()
    {
        Argument<string> model = new("model") { Description = "A folder or a Hugging Face id, with its tokenizer" };
        Option<string[]> tasks = new("--task")
        {
            Description = $"A task file, or one of {string.Join(", ", TaskLoader.BuiltIn)}; may be given several times",
            Required = true,
            HelpName = "task",
        };
        Option<string> data = new("--data") { Description = "JSONL file with the rows, instead of the task's own", HelpName = "file" };
        Option<int?> fewshot = new("--fewshot") { Description = "Examples in the prompt, instead of the task's own number", HelpName = "n" };
        Option<int?> limit = new("--limit") { Description = "Only the first rows", HelpName = "n" };
        Option<string> device = new("--device") { Description = "cpu or cuda [default: cuda where there is one]", HelpName = "device" };
        Verb verb = new("eval", "Score a model on tasks, as the evaluation harness does", "pedigree eval ./child --task tasks/sort.yaml",
            "pedigree eval ./child --task winogrande --data winogrande.jsonl --fewshot 5 --limit 100") { model, tasks, data, fewshot, limit, device };
        verb.Does(async (parsed, cancellation) =>
        {
            EvaluationTask[] loaded = [.. parsed.GetValue(tasks)!.Select(task => TaskLoader.Load(
                Environment.CurrentDirectory, task, parsed.GetValue(data), parsed.GetValue(fewshot), parsed.GetValue(limit)))];
            ProgressLines progress = new();
            EvaluationOptions options = new()
            {
                Device = parsed.GetValue(device),
                Progress = (task, done, all) => progress.Show($"evaluating {task}", (double)done / all),
            };
            string folder = await ModelFolders.FindAsync(parsed.GetValue(model)!, Environment.CurrentDirectory, progress, cancellation);
            EvaluationResults results = Evaluator.Evaluate(folder, loaded, options, cancellation);
            progress.Done();
            Output.Of(parsed).Print(results.ToJson(), console => console.Write(Table(results)));
            return 0;
        });
        return verb;
    }

    private static Table Table(EvaluationResults results)
    {
        Table table = Output.Table(("task", false), ("metric", false), ("filter", false), ("rows", true), ("value %", true), ("± %", true));
        foreach (TaskResult task in results.Tasks)
        {
            foreach (MetricResult metric in task.Metrics)
                Output.Row(table, task.Task, metric.Metric, metric.Filter, $"{task.Items.Count}", Format.Percent(metric.Value), Format.Percent(metric.StandardError));
        }
        return table;
    }
}
