using System.Text;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>The model of a tokenizer.json: makes a piece of text tokens.</summary>
internal abstract class TokenModel
{
    private readonly bool _byteFallback;

    protected TokenModel(JsonReader model, Dictionary<string, int> vocabulary)
    {
        Vocabulary = vocabulary;
        _byteFallback = model.Child("byte_fallback")?.Flag() ?? false;
    }

    /// <summary>Ids by text.</summary>
    public Dictionary<string, int> Vocabulary { get; }

    public abstract void Encode(string piece, List<int> ids);

    /// <summary>Adds the tokens of a text's bytes, if the model has them.</summary>
    protected bool AddBytes(string text, List<int> ids)
    {
        if (!_byteFallback)
            return false;
        var names = Encoding.UTF8.GetBytes(text).Select(value => $"<0x{value:X2}>").ToList();
        if (!names.TrueForAll(Vocabulary.ContainsKey))
            return false;
        ids.AddRange(names.Select(name => Vocabulary[name]));
        return true;
    }
}
