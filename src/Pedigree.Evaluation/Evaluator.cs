using System.Text.Json.Nodes;
using Pedigree.Evaluation.Models;
using Pedigree.Evaluation.Outside;
using Pedigree.Evaluation.Residents;
using Pedigree.Evaluation.Tasks;
using Pedigree.Evaluation.Tokenizers;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Evaluation;

/// <summary>How a model is run.</summary>
public sealed record EvaluationOptions
{
    /// <summary>cpu, cuda, or null for cuda where there is one.</summary>
    public string? Device { get; init; }

    /// <summary>Type of the arithmetic; null leaves it to the model.</summary>
    public DType? DType { get; init; }

    /// <summary>Tokens computed together at most, padding and tokens to be written included.</summary>
    public int BatchTokens { get; init; } = 16384;

    /// <summary>
    /// Bytes that a batch may take; null for half of what the device has free. Batches are smaller where that is little.
    /// </summary>
    public long? BatchMemory { get; init; }

    /// <summary>
    /// Draws of the standard errors that are drawn (perplexity, f1, mcc), the harness's bootstrap_iters; with 0 there are no
    /// standard errors. 5000 items take 4 s of processor time.
    /// </summary>
    public int BootstrapDraws { get; init; } = Bootstrap.Draws;

    /// <summary>Where models that are done with leave their memory to the next; null to free it.</summary>
    public SpareModel? Spare { get; init; }

    /// <summary>Told after every batch: task, requests done, requests in all.</summary>
    public Action<string, int, int>? Progress { get; init; }
}

/// <summary>
/// Runs tasks on a model. Each task is run by itself, and which requests are computed together depends on the task and the
/// options alone, so that a score does not depend on what else is measured.
/// </summary>
public static class Evaluator
{
    /// <summary>
    /// Models of fewer parameters run on one thread: their steps are so short that threads mostly wait for each other. Where
    /// other programs want the same cores that is dear: 600 short generations of 150 thousand parameters took 0.5 to 1.2 s on one
    /// thread and 2 to 18 s on two (2 cores under a load of 14; on an idle machine it was not measured).
    /// </summary>
    private const long OneThreadBelow = 5_000_000;

    /// <summary>Evaluates the checkpoint in a folder, which must have its tokenizer beside it.</summary>
    /// <exception cref="BadInputException">Checkpoint, tokenizer or task do not fit.</exception>
    public static EvaluationResults Evaluate(
        string folder,
        IReadOnlyList<EvaluationTask> tasks,
        EvaluationOptions? options = null,
        CancellationToken cancellation = default)
    {
        using var checkpoint = Checkpoint.Open(folder);
        return Evaluate(checkpoint, tasks, options, cancellation);
    }

    /// <summary>Evaluates an open checkpoint.</summary>
    /// <exception cref="BadInputException">Checkpoint, tokenizer or task do not fit.</exception>
    public static EvaluationResults Evaluate(
        Checkpoint checkpoint,
        IReadOnlyList<EvaluationTask> tasks,
        EvaluationOptions? options = null,
        CancellationToken cancellation = default)
    {
        using var model = Load(checkpoint, options);
        return model.Evaluate(tasks, options, cancellation);
    }

    /// <summary>Loads a model, to be asked several times.</summary>
    /// <exception cref="BadInputException">Checkpoint and tokenizer do not fit.</exception>
    public static ReadyModel Load(Checkpoint checkpoint, EvaluationOptions? options = null)
    {
        return options?.Spare is { } spare
            ? Ready(checkpoint, () => spare.Load(checkpoint, options.Device, options.DType), spare.Keep)
            : Ready(checkpoint, () => LanguageModel.Load(checkpoint, options?.Device, options?.DType), model => model.Dispose());
    }

    /// <summary>
    /// A model in a device's memory, to be asked several times there; it is let go together with what is given back.
    /// </summary>
    /// <param name="resident">The model.</param>
    /// <param name="opened">The same as a checkpoint.</param>
    /// <param name="options">How it is run; the device is the one that it is on.</param>
    /// <exception cref="BadInputException">Checkpoint and tokenizer do not fit.</exception>
    public static ReadyModel Load(ResidentModel resident, Checkpoint opened, EvaluationOptions? options = null) =>
        Ready(opened, () => LanguageModel.Of(resident, opened, options?.DType), model => model.Dispose());

    private static ReadyModel Ready(Checkpoint checkpoint, Func<LanguageModel> load, Action<LanguageModel> letGo)
    {
        var tokenizer = TokenizerLoader.Open(checkpoint.Folder, WeightLayout.EmbeddingRows(checkpoint));
        var single = checkpoint.Parameters < OneThreadBelow ? new SingleThread() : null;
        try
        {
            var model = DeviceMemory.Load(checkpoint.Address, load);
            return new(checkpoint.Folder, new LocalModel(model, tokenizer),
                new(checkpoint.Parameters, model.Precision, model.ContextLength, tokenizer), () =>
                {
                    letGo(model);
                    single?.Dispose();
                });
        }
        catch
        {
            single?.Dispose();
            throw;
        }
    }

    /// <summary>A model that is served elsewhere, to be asked several times.</summary>
    /// <param name="folder">Where its tokenizer lies.</param>
    /// <param name="endpoint">Where it is served.</param>
    /// <param name="cancellation">Ends what is under way.</param>
    /// <exception cref="BadInputException">There is no tokenizer.</exception>
    public static ReadyModel Connect(string folder, EndpointSettings endpoint, CancellationToken cancellation = default)
    {
        var tokenizer = TokenizerLoader.Open(folder);
        var model = new CompletionsEndpoint(endpoint, cancellation);
        return new(folder, model, new(null, null, model.ContextLength, tokenizer), model.Dispose);
    }

    /// <summary>
    /// Whether a model can be evaluated on tasks, as far as that is known without its weights: architecture, shapes, tokenizer,
    /// chat template and context length.
    /// </summary>
    /// <exception cref="BadInputException">It cannot; says why.</exception>
    public static void Check(Checkpoint checkpoint, IEnumerable<EvaluationTask> tasks)
    {
        var config = ConfigReader.Read(checkpoint);
        WeightLoader.Check(checkpoint, config);
        TokenizerLoader.Open(checkpoint.Folder, WeightLayout.EmbeddingRows(checkpoint));
        List<EvaluationTask> leaves = [.. tasks.SelectMany(task => task.Leaves())];
        ChatTemplate.Of(leaves, checkpoint.Folder);
        foreach (var task in leaves)
            CheckRoom(task, config.ContextLength);
    }

    /// <summary>The same of the checkpoint in a folder.</summary>
    /// <exception cref="BadInputException">It cannot; says why.</exception>
    public static void Check(string folder, IEnumerable<EvaluationTask> tasks)
    {
        using var checkpoint = Checkpoint.Open(folder);
        Check(checkpoint, tasks);
    }

    private static void CheckRoom(EvaluationTask task, int contextLength)
    {
        if (task.Type == OutputType.GenerateUntil && task.Definition!.Generation.MaxTokens is var most && most >= contextLength)
            throw new BadInputException(task.File, "generation_kwargs.max_gen_toks",
                $"is {most}; it must be less than the model's context length, {contextLength}.");
    }

    /// <summary>The most tokens that the model in a folder reads, by its config.json.</summary>
    /// <exception cref="BadInputException">There is no config.json of a known architecture.</exception>
    public static int ContextLength(string folder)
    {
        var file = Path.Combine(folder, "config.json");
        if (!File.Exists(file))
            throw new BadInputException(file, null, "is missing; it says how many tokens the model reads.");
        return ConfigReader.Read(JsonNode.Parse(File.ReadAllText(InputFile.Readable(file))) as JsonObject
            ?? throw new BadInputException(file, null, "is not a JSON object."), file).ContextLength;
    }

    /// <summary>Evaluates a loaded model.</summary>
    public static EvaluationResults Evaluate(
        LanguageModel model, ITextTokenizer tokenizer, IReadOnlyList<EvaluationTask> tasks, EvaluationOptions? options = null,
        CancellationToken cancellation = default)
        => Evaluate(new LocalModel(model, tokenizer), tokenizer, tasks, options, cancellation);

    /// <summary>Evaluates a model that is served elsewhere.</summary>
    /// <param name="folder">Where its tokenizer lies.</param>
    /// <param name="endpoint">Where it is served.</param>
    /// <param name="tasks">What it is asked.</param>
    /// <param name="options">How many tokens are asked together, and whom to tell.</param>
    /// <param name="cancellation">Ends the evaluation.</param>
    /// <exception cref="EvaluatorFailedException">The endpoint does not answer, or not as it should.</exception>
    public static EvaluationResults Evaluate(
        string folder, EndpointSettings endpoint, IReadOnlyList<EvaluationTask> tasks, EvaluationOptions? options = null,
        CancellationToken cancellation = default)
    {
        using var model = Connect(folder, endpoint, cancellation);
        return model.Evaluate(tasks, options, cancellation);
    }

    internal static EvaluationResults Evaluate(
        IEvaluatedModel model,
        ITextTokenizer tokenizer,
        IReadOnlyList<EvaluationTask> tasks,
        EvaluationOptions? options,
        CancellationToken cancellation)
    {
        options ??= new();
        if (tasks.SelectMany(task => task.Leaves())
            .GroupBy(task => task.Name)
            .FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new BadInputException(twice.Last().File, "task",
                $"\"{twice.Key}\" is given twice; every task must have a name of its own.");
        return new EvaluationResults([.. tasks.Select(task => Run(model, tokenizer, task, options, cancellation))]);
    }

    /// <summary>The version of the server behind an endpoint; null where it does not say.</summary>
    public static Task<string?> VersionAsync(EndpointSettings endpoint, CancellationToken cancellation = default) =>
        CompletionsEndpoint.VersionAsync(endpoint, cancellation);

    private static TaskResult Run(
        IEvaluatedModel model,
        ITextTokenizer tokenizer,
        EvaluationTask task,
        EvaluationOptions options,
        CancellationToken cancellation)
    {
        if (task.Group is { } group)
            return TaskScores.OfGroup(
                task, group, [.. task.Members.Select(member => Run(model, tokenizer, member, options, cancellation))]);
        return TaskScores.OfTask(task, task.Type == OutputType.GenerateUntil
            ? Write(model, tokenizer, task, options, cancellation)
            : Score(model, tokenizer, task, options, cancellation), options.BootstrapDraws, cancellation);
    }

    private static List<ItemResult> Score(
        IEvaluatedModel model,
        ITextTokenizer tokenizer,
        EvaluationTask task,
        EvaluationOptions options,
        CancellationToken cancellation)
    {
        // A row's choices go together, since they share what they begin with.
        List<(int Item, IReadOnlyList<ScoreRequest> Requests)> groups = [.. task.Items.SelectMany((item, i) =>
        {
            var encoded = item.Requests.SelectMany(request => Encode(model, tokenizer, task, item, request));
            return task.Type == OutputType.LogLikelihoodRolling
                ? encoded.Select(request => (i, (IReadOnlyList<ScoreRequest>)[request]))
                : [(i, [.. encoded])];
        })];
        var scores = new IReadOnlyList<TokenScores>[groups.Count];
        var done = 0;
        foreach (var batch in Batches(model, [.. groups.Select(group => ScoreRequest.TokensRead(group.Requests))], options))
        {
            Batching.Run(batch, places =>
            {
                cancellation.ThrowIfCancellationRequested();
                var answers = model.ScoreGroups([.. places.Select(place => groups[place].Requests)]);
                if (answers.FirstOrDefault(answer => !double.IsFinite(answer.Sum)) is { } bad)
                    throw new BadInputException(task.File, task.Name,
                        $"the model's log-likelihood of an answer is {bad.Sum}; "
                        + "a model whose weights are finite numbers would be right");
                var next = 0;
                foreach (var place in places)
                {
                    scores[place] = [.. answers.Skip(next).Take(groups[place].Requests.Count)];
                    next += scores[place].Count;
                }
                options.Progress?.Invoke(task.Name, done += places.Count, groups.Count);
            });
        }
        var byItem = groups.Zip(scores).GroupBy(
            pair => pair.First.Item, pair => pair.Second).Select(parts => parts.SelectMany(part => part).ToList()).ToList();
        return [.. task.Items.Select((item, i) => TaskScores.OfScored(task, item,
            task.Type == OutputType.LogLikelihoodRolling ? [TokenScores.Joined(byItem[i])] : byItem[i]))];
    }

    private static IReadOnlyList<IReadOnlyList<int>> Batches(
        IEvaluatedModel model, IReadOnlyList<int> lengths, EvaluationOptions options) =>
        Batching.Split(
            lengths, Math.Min(options.BatchTokens, model.TokensAtOnce(lengths.DefaultIfEmpty(1).Max(), options.BatchMemory)));

    private static IEnumerable<ScoreRequest> Encode(
        IEvaluatedModel model, ITextTokenizer tokenizer, EvaluationTask task, EvaluationItem item, TextRequest request)
    {
        var where = (task.File, $"row {item.Line} of the data");
        return task.Type == OutputType.LogLikelihoodRolling
            ? RequestEncoder.EncodeRolling(tokenizer, model.ContextLength, request.Continuation, where)
            : [RequestEncoder.Encode(tokenizer, model.ContextLength, request, where)];
    }

    private static List<ItemResult> Write(
        IEvaluatedModel model,
        ITextTokenizer tokenizer,
        EvaluationTask task,
        EvaluationOptions options,
        CancellationToken cancellation)
    {
        var (until, most) = (task.Definition!.Generation.Until, task.Definition.Generation.MaxTokens);
        CheckRoom(task, model.ContextLength);
        var prompts = task.Items.Select(item => Prompt(tokenizer, task, item, model.ContextLength - most)).ToList();
        var outputs = new string[prompts.Count];
        var done = 0;
        foreach (var batch in Batches(model, [.. prompts.Select(prompt => prompt.Length + most)], options))
        {
            Batching.Run(batch, places =>
            {
                cancellation.ThrowIfCancellationRequested();
                var written = model.Write([.. places.Select(place => prompts[place])], most, until);
                for (var i = 0; i < places.Count; i++)
                    outputs[places[i]] = written[i];
                options.Progress?.Invoke(task.Name, done += places.Count, prompts.Count);
            });
        }

        return [.. task.Items.Select((item, i) => TaskScores.OfWritten(task, item, outputs[i]))];
    }

    private static int[] Prompt(ITextTokenizer tokenizer, EvaluationTask task, EvaluationItem item, int room)
    {
        var tokens = RequestEncoder.Encode(tokenizer, item.Requests[0].Context);
        if (tokens.Length == 0)
            throw new BadInputException(task.File, $"row {item.Line} of the data",
                "has an empty prompt; the model needs at least one token.");
        return tokens.Length > room ? tokens[^room..] : tokens;
    }
}
