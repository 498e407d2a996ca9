namespace Pedigree.Evaluation.Tasks;

/// <summary>Rows to questions: prompts with their examples, choices and answers.</summary>
internal sealed class ItemMaker
{
    private readonly TaskDefinition _task;

    private readonly ChatSettings _chat;

    private ItemMaker(TaskDefinition task, ChatSettings chat) => (_task, _chat) = (task, chat);

    /// <exception cref="Weights.BadInputException">A row does not fit the task, or there are too few examples.</exception>
    public static IReadOnlyList<EvaluationItem> Make(
        TaskDefinition task, TaskRows data, int fewshot, int? limit, ChatSettings chat)
    {
        var maker = new ItemMaker(task, chat);
        var (pool, examples) = (fewshot > 0 ? Pool(task, data.Pool) : data.Pool, task.Fewshot);
        var needed = fewshot + (data.LeaveOutOwn && fewshot > 0 ? 1 : 0);
        if (fewshot > 0 && pool.Count < needed)
            throw pool.FirstOrDefault(data.Rows[0]).Bad("fewshot",
                $"{fewshot} examples a prompt need at least {needed} rows to draw from, but there are {pool.Count}.");
        var random = new PythonRandom(TaskLoader.FewshotSeed);
        var contents = fewshot > 0 && data.LeaveOutOwn ? pool.Select(row => row.Fields.ToJsonString()).ToArray() : null;
        var rows = limit is { } most ? data.Rows.Take(most) : data.Rows;
        return [.. rows.Select(row =>
        {
            IEnumerable<int> drawn = fewshot == 0 ? []
                : examples.FirstOnes ? Enumerable.Range(0, pool.Count)
                : random.Sample(pool.Count, needed);
            if (contents is not null && row.Fields.ToJsonString() is var own)
                drawn = drawn.Where(place => contents[place] != own);
            var shown = drawn.Take(fewshot).ToList();
            if (shown.Count < fewshot)
                throw row.Bad("fewshot", "is the same as other rows, so too few examples are left; every row must be different.");
            return maker.Item(row, [.. maker.System(row), .. shown.SelectMany(place => maker.Example(pool[place]))]);
        })];
    }

    private static IReadOnlyList<DataRow> Pool(TaskDefinition task, IReadOnlyList<DataRow> rows) =>
        task.Fewshot.Places is not { } places ? rows
            : places.FirstOrDefault(place => place >= rows.Count) is var beyond and > 0
                ? throw new Weights.BadInputException(task.File, "fewshot_config.fewshot_indices",
                    $"has {beyond}, but there are {rows.Count} rows to draw from, numbered from 0.")
            : [.. places.Select(place => rows[place])];

    /// <summary>
    /// The instruction and the task's description, with the examples' delimiter between where neither has white space there.
    /// </summary>
    private IEnumerable<ChatMessage> System(DataRow row)
    {
        var text = ChatMessage.Joined(
            _chat.SystemInstruction ?? "", _task.Fewshot.Delimiter, _task.Description?.Render(row) ?? "");
        return text.Length > 0 ? [new("system", text)] : [];
    }

    private IEnumerable<ChatMessage> Example(DataRow row)
    {
        var examples = _task.Fewshot;
        var (text, choices, _, targets) = Read(row, examples.Text, examples.Choices, examples.Target);
        var prompt = text is long place ? choices[(int)place] : (string)text;
        var (begun, answer) = (examples.AnswerPrefix?.Render(row) ?? "", targets[0]);
        var delimiter = begun.Length > 0 ? ChatMessage.NeedDelimiter(prompt, begun) : answer.Length > 0;
        return
        [
            new("user", prompt, delimiter ? examples.TargetDelimiter : ""),
            .. begun.Length + answer.Length > 0 ? (ChatMessage[])[
                new("assistant", ChatMessage.Joined(begun, " ", answer), answer.Length > 0 ? examples.Delimiter : "")] : [],
        ];
    }

    private EvaluationItem Item(DataRow row, IReadOnlyList<ChatMessage> before)
    {
        var (text, choices, golds, targets) = Read(row, _task.Text, _task.Choices, _task.Target);
        // A template ends with what comes before an answer, so there is no delimiter of ours, unless the answer was begun.
        var delimiter = _chat.ApplyTemplate && _task.AnswerPrefix is not { EndsInWhiteSpace: false } ? "" : _task.TargetDelimiter;
        var begun = _task.AnswerPrefix?.Render(row) ?? "";
        var prompt = text is long ? null : Prompt((string)text);
        IReadOnlyList<TextRequest> requests = _task.Type switch
        {
            OutputType.GenerateUntil => [prompt!],
            // The harness puts no delimiter here: the target of such a task begins with its own space.
            OutputType.LogLikelihood => [prompt! with { Continuation = targets[0] }],
            OutputType.LogLikelihoodRolling => [new("", targets[0])],
            _ when text is long => [.. choices.Select(choice => Prompt(choice) with { Continuation = delimiter + targets[0] })],
            _ => [.. choices.Select(choice => prompt! with { Continuation = delimiter + choice })],
        };
        if (_task.Type != OutputType.GenerateUntil && requests.Any(request => request.Continuation.Length == 0))
            throw row.Bad("doc_to_target", "is empty; there must be something to score.");
        return new EvaluationItem(row.Line, requests, choices, golds, targets, row.Fields);

        TextRequest Prompt(string asked)
        {
            var separated = text is string && ChatMessage.NeedDelimiter(asked, begun);
            ChatMessage[] messages = [.. before, new("user", asked, separated ? _task.TargetDelimiter : ""), .. begun.Length > 0
                ? (ChatMessage[])[new("assistant", begun)]
                : []];
            return !_chat.ApplyTemplate ? new(ChatMessage.Text(messages), "")
                : new("", "") { Messages = _chat.FewshotAsMultiturn == false ? ChatMessage.SingleTurn(messages) : messages };
        }
    }

    /// <summary>
    /// Prompt (text, or in partial evaluation the number of the choice), choices, numbers of the right ones, answers.
    /// </summary>
    private (object Text, IReadOnlyList<string> Choices, IReadOnlyList<int> Golds, IReadOnlyList<string> Targets) Read(
        DataRow row, TaskTemplate text, TaskTemplate? choices, TaskTemplate target)
    {
        if (choices is null)
            return (text.Render(row), [], [], Answers(target.Evaluate(row), row));
        var list = Choices(row, choices);
        if (list.Count > 2 && _task.Metrics.Any(metric => metric.Name == "f1"))
            throw row.Bad("doc_to_choice", $"has {list.Count} choices, but f1 is a metric of two; use mcc or acc.");
        var prompt = _task.Type == OutputType.MultipleChoice ? text.Evaluate(row) : text.Render(row);
        if (prompt is long)
        {
            var place = Place(row, "doc_to_text", prompt, list, text);
            return ((long)place, list, [place], [target.Render(row)]);
        }
        var answer = target.Evaluate(row);
        var golds = answer is IReadOnlyList<object?> several
            ? several.Select(one => Place(row, "doc_to_target", one, list, target)).ToList()
            : [Place(row, "doc_to_target", answer, list, target)];
        return (text.Render(row), list, golds, [.. golds.Select(gold => list[gold])]);
    }

    private static IReadOnlyList<string> Answers(object answer, DataRow row) => answer is IReadOnlyList<object?> several
        ? several.Count > 0
            ? [.. several.Select(Jinja.PythonValue.Text)]
            : throw row.Bad("doc_to_target", "is an empty list; there must be an answer.")
        : [answer is OrderedDictionary<object, object?>
            ? throw row.Bad("doc_to_target", "must be text or a list of texts, not an object.")
            : Jinja.PythonValue.Text(answer)];

    private static IReadOnlyList<string> Choices(DataRow row, TaskTemplate template)
    {
        var choices = template.Texts(row);
        if (choices.Count < 2)
            throw row.Bad("doc_to_choice", $"has {choices.Count} choices; there must be at least two.");
        return choices.Contains("")
            ? throw row.Bad("doc_to_choice", "has an empty choice; every choice must have text.")
            : choices;
    }

    /// <summary>
    /// The place that an answer names: a number from 0, digits, or the text of a choice. Where choices are digits themselves, a
    /// field means the choice and a {{template}} the place, as in the harness.
    /// </summary>
    private static int Place(DataRow row, string field, object? answer, IReadOnlyList<string> choices, TaskTemplate template)
    {
        var place = answer switch
        {
            long number => number,
            bool flag => flag ? 1 : 0,
            string text when !template.IsField && long.TryParse(text, out var number) => number,
            string text when choices.ToList().IndexOf(text) is var found and >= 0 => found,
            string text when long.TryParse(text, out var number) => number,
            string text => throw row.Bad(field, $"\"{text}\" is none of the choices."),
            _ => throw row.Bad(field, "must be the number or the text of a choice."),
        };
        return place >= 0 && place < choices.Count ? (int)place
            : throw row.Bad(field, $"is {place}, which is out of range: the choices are numbered 0 to {choices.Count - 1}.");
    }
}
