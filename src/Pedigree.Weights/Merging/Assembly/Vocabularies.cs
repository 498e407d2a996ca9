using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Kernels;
using Pedigree.Weights.Tokenizers;

namespace Pedigree.Weights.Merging.Assembly;

/// <summary>
/// Brings the rows of all models' vocabularies into the order of one tokenizer. A token that a model lacks gets a row from where
/// it is set, from the one model that has it, from the base model, or the mean of those that have it; one that none has gets
/// zeros. Rows that only fill up to a multiple get the mean of the others. So does mergekit.
/// </summary>
internal sealed class Vocabularies
{
    private const int None = -1;

    private readonly MergeConfig _config;
    private readonly TokenizerSettings _settings;
    private readonly IReadOnlyList<Relative> _models;
    private readonly long[] _rows;
    private readonly TokenizerFile[] _tokenizers;
    private readonly int[][] _own;
    private readonly Token?[] _tokens;

    /// <param name="config">What is merged; it has tokenizer settings.</param>
    /// <param name="models">The models.</param>
    /// <param name="tokenizerFolder">Folder of the tokenizer where it is of one model.</param>
    /// <exception cref="BadInputException">A tokenizer is missing, or a token that is asked for.</exception>
    public Vocabularies(MergeConfig config, IReadOnlyList<Relative> models, string? tokenizerFolder)
    {
        _config = config;
        _settings = config.Tokenizer!;
        _models = models;
        Folder = tokenizerFolder ?? models[config.Donor].Checkpoint.Folder;
        _rows = [.. models.Select((model, i) => VocabularyTensors.Embedding(model.Checkpoint)?.Shape[0]
            ?? throw config.Places[i].Error(
                $"{model.Checkpoint.Folder} has no token embedding, so vocabularies cannot be united"))];
        _tokenizers = [.. models.Select(model => TokenizerFile.Read(model.Checkpoint.Folder))];
        Tokenizer = TokenizerFile.Read(Folder);
        var before = Tokenizer.Vocabulary.ToDictionary();
        Build();
        IsChanged = before.Count != Tokenizer.Vocabulary.Count
            || before.Any(token => Tokenizer.Vocabulary.GetValueOrDefault(token.Key, None) != token.Value);
        var multiple = Math.Max(1, _settings.PadToMultipleOf);
        Rows = (Tokenizer.Count + multiple - 1) / multiple * multiple;
        _tokens = new Token?[Rows];
        _own = [.. models.Select(_ => Enumerable.Repeat(None, Rows).ToArray())];
        foreach (var (token, id) in Tokenizer.Vocabulary)
            for (var model = 0; model < models.Count; model++)
                if (_tokenizers[model].Vocabulary.TryGetValue(token, out var own) && own < _rows[model])
                    _own[model][id] = own;
        foreach (var (token, id) in Tokenizer.Vocabulary)
            _tokens[id] = Plan(token, id);
    }

    /// <summary>The child's tokenizer.</summary>
    public TokenizerFile Tokenizer { get; }

    /// <summary>Where the files beside the tokenizer lie.</summary>
    public string Folder { get; }

    /// <summary>Whether the tokenizer is another than the one in <see cref="Folder"/>.</summary>
    public bool IsChanged { get; }

    /// <summary>Rows of the child's embedding.</summary>
    public int Rows { get; }

    /// <summary>The models with their rows in the new order.</summary>
    public IReadOnlyList<Relative> Apply(Scratch scratch) => [.. _models.Select((model, index) =>
    {
        var names = VocabularyTensors.Of(model.Checkpoint).Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        var config = (System.Text.Json.Nodes.JsonObject)model.Checkpoint.Config.DeepClone();
        VocabularySize.Set(config, Rows);
        return model with
        {
            Checkpoint = Checkpoint.Of(model.Checkpoint.Folder, config, model.Checkpoint.Tensors.Select(tensor =>
                !names.Contains(tensor.Name) || IsInPlace(index) ? tensor : Ordered(index, tensor, scratch))),
        };
    })];

    private void Build()
    {
        if (_settings.Source == TokenizerSource.Union)
        {
            Tokenizer.Strip(_rows[_config.Donor]);
            for (var pass = 0; pass < 2; pass++)
                for (var model = 0; model < _models.Count; model++)
                    foreach (var (token, id) in _tokenizers[model].Vocabulary.OrderBy(token => token.Value))
                    {
                        // As in mergekit, words of the models' own before those that were added.
                        var added = _tokenizers[model].Added(token);
                        if (id < _rows[model] && added is null == (pass == 0))
                            Tokenizer.Add(token, added);
                    }
        }
        else if (_settings.Source == TokenizerSource.Base)
            Tokenizer.Strip(_rows[_config.Donor]);
        foreach (var token in _settings.Tokens)
            Tokenizer.Add(token.Token, null);
    }

    private Token Plan(string token, int id)
    {
        if (_settings.Tokens.FirstOrDefault(setting => setting.Token == token) is { } setting)
            return new(setting.Model is { } model ? [(model, Number(setting, model, id))] : [], setting.Force);
        (int Model, int Row)[] having =
            [.. Enumerable.Range(0, _models.Count).Select(model => (model, Row: _own[model][id])).Where(row => row.Row != None)];
        return new(having.Length > 1 && _config.Base is { } first && _own[first][id] != None
            ? [(first, _own[first][id])]
            : having, false);
    }

    private int Number(TokenSetting setting, int model, int id)
    {
        var name = _config.AllModels[model];
        if (setting.OfToken is null && setting.OfId is null)
            return _own[model][id] is not None and var own ? own
                : throw setting.At.Error($"`{setting.Token}` is not a token of `{name}`");
        var number = setting.OfId ?? (_tokenizers[model].Vocabulary.TryGetValue(setting.OfToken!, out var known) ? known
            : throw setting.At.Error($"`{setting.OfToken}` is not a token of `{name}`"));
        return number >= 0 && number < _rows[model] ? number
            : throw setting.At.Error($"is token {number}, but `{name}` has {_rows[model]} rows");
    }

    private bool IsInPlace(int model) => _rows[model] == Rows && Rows == Tokenizer.Count
        && Enumerable.Range(0, Rows)
            .All(id => _tokens[id] is not { Force: true } && (_own[model][id] == id || _tokens[id] is null));

    private Tensor Ordered(int model, Tensor tensor, Scratch scratch)
    {
        Tensor[] all = [.. _models.Select(
            (other, i) => other.Checkpoint.Find(tensor.Name) is { } found && found.Width() == tensor.Width() ? found
                : throw _config.Places[i].Error($"{other.Checkpoint.Folder} has no {tensor.Name} of {tensor.Width()} columns, "
                    + $"but {_models[model].Checkpoint.Folder} has"))];
        var size = tensor.Width() * tensor.DType.Size();
        Lazy<double[]> filling = new(() =>
        {
            var sum = new double[tensor.Width()];
            for (var id = 0; id < Tokenizer.Count; id++)
                Add(sum, Mean(all, RowsOf(model, id)), Tokenizer.Count);
            return sum;
        });
        return scratch.Make(tensor, [Rows, .. tensor.Shape.Skip(1)], (row, bytes) =>
        {
            if (row >= Tokenizer.Count)
                RowValues.Write(tensor.DType, filling.Value, bytes);
            else if (RowsOf(model, (int)row) is [var (other, own)] && other == model)
                tensor.Read((long)own * size, bytes);
            else
                RowValues.Write(tensor.DType, Mean(all, RowsOf(model, (int)row)), bytes);
        });
    }

    /// <summary>The rows whose mean a model gets as a token's row.</summary>
    private IReadOnlyList<(int Model, int Row)> RowsOf(int model, int id) => _tokens[id] is not { } token ? []
        : _own[model][id] is not None and var own && !token.Force ? [(model, own)] : token.Rows;

    private static double[] Mean(Tensor[] all, IReadOnlyList<(int Model, int Row)> rows)
    {
        var (sum, one) = (new double[all[0].Width()], new double[all[0].Width()]);
        foreach (var (model, row) in rows)
        {
            RowValues.Read(all[model], row, one);
            Add(sum, one, rows.Count);
        }
        return sum;
    }

    private static void Add(double[] sum, double[] row, int of)
    {
        for (var i = 0; i < sum.Length; i++)
            sum[i] += row[i] / of;
    }

    /// <summary>The row of a token where a model has none of its own.</summary>
    /// <param name="Rows">The rows whose mean it is; none: zeros.</param>
    /// <param name="Force">Whether it goes before a model's own.</param>
    private sealed record Token(IReadOnlyList<(int Model, int Row)> Rows, bool Force);
}
