using System.CommandLine;
using System.Text.Json.Nodes;
using Pedigree.Evaluation;
using Pedigree.Evaluation.Harness;
using Pedigree.Evaluation.Models;
using Pedigree.Evaluation.Outside;
using Pedigree.Evaluation.Tasks;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow;
using Spectre.Console;

namespace Pedigree.Cli.Commands;

/// <summary>Scores a model.</summary>
internal sealed class EvalCommand
{
    private readonly Argument<string> _model = new("model")
    {
        Description = "A folder, a Hugging Face id, or run/model or a digest of the store, "
            + "with its tokenizer; with --samples alone run/model",
    };
    private readonly Option<string[]> _tasks = new("--task")
    {
        Description = $"A task file, or one of {string.Join(", ", TaskLoader.BuiltIn)}; may be given several times",
        HelpName = "task",
    };
    private readonly Option<string> _data = new("--data")
    {
        Description = "JSONL or Parquet file with the rows, or folder in the Hugging Face layout, instead of the task's own",
        HelpName = "path",
    };
    private readonly Option<int?> _fewshot =
        new("--fewshot") { Description = "Examples in the prompt, instead of the task's own number", HelpName = "n" };
    private readonly Option<int?> _limit = new("--limit") { Description = "Only the first rows", HelpName = "n" };
    private readonly Option<string?> _applyTemplate = new("--apply_chat_template")
    {
        Description = "Put prompts as messages, as the model's own chat template writes them, of several the one of that name",
        HelpName = "name",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private readonly Option<bool?> _multiturn = new("--fewshot_as_multiturn")
    {
        Description = "With it: whether examples are messages of their own [default: true]",
        HelpName = "bool",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private readonly Option<string> _system =
        new("--system_instruction") { Description = "Begin every prompt with this", HelpName = "text" };
    private readonly Option<int> _draws = new("--bootstrap_iters")
    {
        Description =
            "Draws of the standard errors of perplexity, f1 and mcc, as in the harness; 0 for no standard errors at all",
        HelpName = "n",
        DefaultValueFactory = _ => new EvaluationOptions().BootstrapDraws,
    };
    private readonly Option<string> _device =
        new("--device") { Description = "cpu or cuda [default: cuda where there is one]", HelpName = "device" };
    private readonly Option<string> _outputPath =
        new("--output_path") { Description = "Folder (or name of a .json) for the harness's results file", HelpName = "path" };
    private readonly Option<bool> _samples = new("--samples")
    {
        Description = "Write every row's prompt, answer and scores beside the results file; "
            + "of a run's model, print what was kept of every row, a line each",
    };
    private readonly Option<string> _against =
        new("--against") { Description = "Another model: score it too, and compare them item by item", HelpName = "model" };
    private readonly Option<string[]> _evaluator = new("--evaluator")
    {
        Description = "Another evaluator: lm_eval (the harness itself, as installed), "
            + "or a command that reads and writes JSON; tasks are by its own names",
        HelpName = "command",
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Option<string> _endpoint = new("--endpoint")
    {
        Description = "Base address of an OpenAI-compatible server with completions (http://127.0.0.1:8000/v1); "
            + "the model's folder has the tokenizer",
        HelpName = "url",
    };
    private readonly Option<string> _served = new("--served-model")
    {
        Description = "Name by which it serves the model [default: the model as given]",
        HelpName = "name",
    };
    private readonly Option<double> _timeout = new("--timeout")
    {
        Description = "Seconds that one attempt of it may take",
        DefaultValueFactory = _ => 3600,
        HelpName = "s",
    };
    private readonly Option<string> _store = Shared.Store();

    public static Command Create()
    {
        EvalCommand eval = new();
        Verb verb = new(
            "eval", "Score a model on tasks, as the evaluation harness does", "pedigree eval ./child --task tasks/sort.yaml",
            "pedigree eval ./child --task winogrande --data winogrande.jsonl --fewshot 5 --limit 100",
            "pedigree eval demo-kinship/2-2 --samples")
            {
                eval._model, eval._tasks, eval._data, eval._fewshot, eval._limit, eval._applyTemplate, eval._multiturn,
                eval._system, eval._draws, eval._device, eval._outputPath, eval._samples, eval._against, eval._evaluator,
                eval._endpoint, eval._served, eval._timeout, eval._store,
            };
        verb.Does(eval.RunAsync);
        return verb;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        if (parsed.GetValue(_tasks) is not { Length: > 0 })
            return parsed.GetValue(_samples)
                ? PrintKept(
                    parsed, await KeptItems.OfAsync(Store.Open(parsed.GetValue(_store)!), parsed.GetValue(_model)!, cancellation))
                : throw new BadInputException("--task", null, "is missing: a task file, or a built-in task");
        Check(parsed);
        ProgressLines progress = new();
        using ModelFolders found = new(parsed, _store, progress, cancellation);
        return parsed.GetValue(_evaluator) is { Length: > 0 } command
            ? await OutsideAsync(parsed, command, await found.FindAsync(parsed.GetValue(_model)!), cancellation)
            : await EvaluateAsync(parsed, found, progress, cancellation);
    }

    // Refuses values that mean nothing, and options that do not go together.
    private void Check(ParseResult parsed)
    {
        if (parsed.GetValue(_samples) && parsed.GetValue(_outputPath) is null)
            throw new BadInputException("--samples", null, "needs --output_path, which says where the rows are written");
        if (parsed.GetValue(_timeout) is not (> 0 and <= 1e6))
            throw new BadInputException("--timeout", null, "must be a number of seconds above 0, at most 1000000");
        if (parsed.GetValue(_draws) is < 0 or 1)
            throw new BadInputException("--bootstrap_iters", null,
                "must be a number of draws, at least 2, or 0 for no standard errors");
        if (parsed.GetResult(_evaluator) is not null)
            Refuse(parsed, "--evaluator, which does not know it", _draws, _device,
                _outputPath, _samples, _against, _endpoint, _served);
        if (parsed.GetValue(_evaluator) is { Length: > 0 } program && !IsLmEval(program))
            Refuse(parsed, "a command of your own, which puts prompts as it will", _applyTemplate, _multiturn, _system);
        if (parsed.GetResult(_endpoint) is not null)
            Refuse(parsed, "--endpoint, which serves one model and has its own device", _device, _against);
        else
            Refuse(parsed, "a model that is computed here; it belongs to --endpoint", _served);
    }

    private ChatSettings Chat(ParseResult parsed) => new(
        parsed.GetResult(_applyTemplate) is not null,
        parsed.GetValue(_multiturn),
        parsed.GetValue(_system),
        parsed.GetValue(_applyTemplate));

    // Scores by the built-in evaluator, from weights on this machine or at an endpoint.
    private async Task<int> EvaluateAsync(
        ParseResult parsed, ModelFolders found, ProgressLines progress, CancellationToken cancellation)
    {
        DateTimeOffset began = DateTimeOffset.Now;
        EvaluationTask[] loaded = [.. parsed.GetValue(_tasks)!.Select(task => TaskLoader.Load(
            Environment.CurrentDirectory,
            task,
            parsed.GetValue(_data),
            parsed.GetValue(_fewshot),
            parsed.GetValue(_limit),
            chat: Chat(parsed)))];
        using SpareModel spare = new();
        EvaluationOptions options = new()
        {
            Spare = parsed.GetValue(_against) is null ? null : spare,
            Device = parsed.GetValue(_device),
            BootstrapDraws = parsed.GetValue(_draws),
            Progress = (task, done, all) => progress.Show($"evaluating {task}", (double)done / all),
        };
        string name = parsed.GetValue(_model)!, folder = await found.FindAsync(name);
        string? otherFolder = parsed.GetValue(_against) is { } second ? await found.FindAsync(second) : null;
        string[] computed = parsed.GetValue(_endpoint) is not null ? [] : otherFolder is null ? [folder] : [folder, otherFolder];
        foreach (string each in computed)
            Evaluator.Check(each, loaded);
        string? path = parsed.GetValue(_outputPath);
        if (path is not null)
            HarnessFiles.CheckWritable(path, name);
        EvaluationResults results = parsed.GetValue(_endpoint) is { } url
            ? Evaluator.Evaluate(folder,
                Endpoint(url, parsed.GetValue(_served) ?? name, folder, parsed.GetValue(_timeout)), loaded, options, cancellation)
            : Evaluator.Evaluate(folder, loaded, options, cancellation);
        EvaluationResults? other = otherFolder is null ? null : Evaluator.Evaluate(otherFolder, loaded, options, cancellation);
        progress.Done();
        IReadOnlyList<TaskComparison> comparisons = other is null ? [] : TaskComparison.Of(results, other);
        string? file = path is null ? null
            : HarnessFiles.Write(results, path, name, options, parsed.GetValue(_samples), began, DateTimeOffset.Now);
        JsonObject document = results.ToJson();
        if (other is not null)
            document["comparisons"] = new JsonArray([.. comparisons.Select(comparison => comparison.ToJson())]);
        Output.Of(parsed).Print(document, console =>
        {
            console.Write(new Text(HarnessTable.Write(results)));
            foreach (TaskComparison comparison in comparisons)
                console.Write(new Text($"{comparison.InWords(parsed.GetValue(_against)!)}\n"));
            if (file is not null)
                console.Write(new Text($"results     {file}\n"));
        });
        return 0;
    }

    private static int PrintKept(ParseResult parsed, IReadOnlyList<KeptItems> kept)
    {
        JsonObject[] rows = [.. kept.SelectMany(task => task.Rows).Select(row => row.ToJson())];
        // Written past the console, which would break a long line in two.
        Output.Of(parsed).Print(rows, _ =>
        {
            foreach (JsonObject row in rows)
                Console.Out.WriteLine(row.ToJsonString(EventJson.Options));
        });
        return 0;
    }

    private static bool IsLmEval(string[] command) => Path.GetFileName(command[0]) == EvaluatorSpec.LmEval;

    private static void Refuse(ParseResult parsed, string with, params Option[] options)
    {
        if (options.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false }) is { } given)
            throw new BadInputException(given.Name, null, $"cannot be given with {with}");
    }

    private static EndpointSettings Endpoint(string url, string name, string folder, double timeout) =>
        Uri.TryCreate(url, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https"
            ? new(address, name, Evaluator.ContextLength(folder), TimeSpan.FromSeconds(timeout))
            : throw new BadInputException("--endpoint", null,
                $"\"{url}\" is no address; http://127.0.0.1:8000/v1 would be right");

    // Scores by another program.
    private async Task<int> OutsideAsync(ParseResult parsed, string[] command, string folder, CancellationToken cancellation)
    {
        OutsideTask[] asked = [.. parsed.GetValue(_tasks)!.Select(task =>
            new OutsideTask(
                task, parsed.GetValue(_data), parsed.GetValue(_fewshot), parsed.GetValue(_limit)) { Chat = Chat(parsed) })];
        OutsideSettings settings = new(command, TimeSpan.FromSeconds(parsed.GetValue(_timeout)));
        OutsideResults results = IsLmEval(command)
            ? await OutsideEvaluator.LmEvalAsync(settings, folder, asked, cancellation: cancellation)
            : await OutsideEvaluator.CommandAsync(settings, folder, asked, cancellation);
        Output.Of(parsed).Print(results, console =>
        {
            Table table = Output.Table(("task", false), ("metric", false), ("filter", false), ("value", true), ("±", true));
            foreach (OutsideScore score in results.Scores)
                Output.Row(table, score.Task, score.Metric, score.Filter, $"{score.Value:0.0000}",
                    score.StandardError is { } error ? $"{error:0.0000}" : "N/A");
            console.Write(table);
            console.Write(new Text($"evaluator   {results.Evaluator}\n"));
        });
        return 0;
    }
}
