using Pedigree.Evaluation.Models;
using Pedigree.Evaluation.Tokenizers;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Tasks;

/// <summary>Texts to tokens by the harness's rules.</summary>
internal static class RequestEncoder
{
    /// <summary>
    /// A text with the tokens put around it by default; with none where it begins with the beginning token already, as chats do.
    /// </summary>
    public static int[] Encode(ITextTokenizer tokenizer, string text) =>
        tokenizer.Encode(text, addSpecialTokens: !(tokenizer.BosText is { Length: > 0 } beginning
            && text.StartsWith(beginning, StringComparison.Ordinal)));

    /// <summary>
    /// White space at the end of the context moves to the continuation; the continuation's tokens are those of the whole beyond
    /// as many as the context alone has. An empty context is the beginning token, or the end token where there is none.
    /// </summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="contextLength">What the model reads at most; the whole is cut on the left to one token more.</param>
    /// <param name="request">Context and continuation.</param>
    /// <param name="where">Of errors: file and line.</param>
    public static ScoreRequest Encode(
        ITextTokenizer tokenizer, int contextLength, TextRequest request, (string File, string Line) where)
    {
        int[] context, whole;
        if (request.Context.Length == 0)
        {
            if ((tokenizer.BosId ?? tokenizer.EosId) is not { } prefix)
                throw new BadInputException(where.File, where.Line,
                    "has an empty prompt, which needs a tokenizer with a beginning or end "
                    + "token (bos_token or eos_token in tokenizer_config.json).");
            var continuation = tokenizer.Encode(request.Continuation, addSpecialTokens: false);
            context = [prefix];
            whole = continuation is [var first, ..] && first == prefix ? continuation : [prefix, .. continuation];
        }
        else
        {
            context = Encode(tokenizer, request.Context.TrimEnd());
            whole = Encode(tokenizer, request.Context + request.Continuation);
            if (context.Length == 0 && whole.Length > 0 && (tokenizer.BosId ?? tokenizer.EosId) is { } prefix)
                (context, whole) = ([prefix], [prefix, .. whole]);
        }
        var length = whole.Length - context.Length;
        if (length < 1 || context.Length < 1)
            throw new BadInputException(where.File, where.Line,
                $"has nothing to score: \"{request.Continuation}\" adds no token to the prompt.");
        if (whole.Length > contextLength + 1)
            whole = whole[^(contextLength + 1)..];
        return length < whole.Length ? new ScoreRequest(whole, length)
            : throw new BadInputException(where.File, where.Line,
                $"has a continuation of {length} tokens; the model reads at most {contextLength}, "
                + "so at most that many can be scored.");
    }

    /// <summary>
    /// A whole text, however long: stretches of the context length, each token scored once. The first stretch follows the
    /// beginning (or end) token; the last one is scored with a full context before it.
    /// </summary>
    public static IEnumerable<ScoreRequest> EncodeRolling(
        ITextTokenizer tokenizer, int contextLength, string text, (string File, string Line) where)
    {
        if ((tokenizer.BosId ?? tokenizer.EosId) is not { } prefix)
            throw new BadInputException(where.File, where.Line,
                "is scored from its first token on, which needs a tokenizer with a beginning or "
                + "end token (bos_token or eos_token in tokenizer_config.json).");
        int[] tokens = [prefix, .. Encode(tokenizer, text)];
        if (tokens.Length == 1)
            throw new BadInputException(where.File, where.Line, "has nothing to score: the text has no token.");
        for (var done = 1; done < tokens.Length;)
        {
            var length = Math.Min(contextLength, tokens.Length - done);
            var end = done + length;
            yield return new ScoreRequest(tokens[Math.Max(0, end - contextLength - 1)..end], length);
            done = end;
        }
    }
}
