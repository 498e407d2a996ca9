using System.CommandLine;
using Pedigree.Evaluation;
using Pedigree.Evaluation.Harness;
using Pedigree.Evaluation.Tasks;
using Pedigree.Weights;
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
        Option<string> data = new("--data")
        {
            Description = "JSONL or Parquet file with the rows, or folder in the Hugging Face layout, instead of the task's own",
            HelpName = "path",
        };
        Option<int?> fewshot = new("--fewshot") { Description = "Examples in the prompt, instead of the task's own number", HelpName = "n" };
        Option<int?> limit = new("--limit") { Description = "Only the first rows", HelpName = "n" };
        Option<string> device = new("--device") { Description = "cpu or cuda [default: cuda where there is one]", HelpName = "device" };
        Option<string> outputPath = new("--output_path") { Description = "Folder (or name of a .json) for the harness's results file", HelpName = "path" };
        Option<bool> samples = new("--samples") { Description = "Write every row's prompt, answer and scores beside the results file" };
        Verb verb = new("eval", "Score a model on tasks, as the evaluation harness does", "pedigree eval ./child --task tasks/sort.yaml",
            "pedigree eval ./child --task winogrande --data winogrande.jsonl --fewshot 5 --limit 100") { model, tasks, data, fewshot, limit, device, outputPath, samples };
        verb.Does(async (parsed, cancellation) =>
        {
            if (parsed.GetValue(samples) && parsed.GetValue(outputPath) is null)
                throw new BadInputException("--samples", null, "needs --output_path, which says where the rows are written");
            DateTimeOffset began = DateTimeOffset.Now;
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
            string? file = parsed.GetValue(outputPath) is { } path ? HarnessFiles.Write(
                results, path, parsed.GetValue(model)!, options, parsed.GetValue(samples), began, DateTimeOffset.Now) : null;
            Output.Of(parsed).Print(results.ToJson(), console =>
            {
                console.Write(new Text(HarnessTable.Write(results)));
                if (file is not null)
                    console.Write(new Text($"results     {file}\n"));
            });
            return 0;
        });
        return verb;
    }
}
