using System.Text.RegularExpressions;

namespace Pedigree.Weights.References;

/// <summary>How a model is named: <c>model[@revision][+adapter[@revision]]</c>.</summary>
/// <param name="Model">A folder, a Hugging Face id, or what else the caller knows models by.</param>
/// <param name="Revision">A branch, a tag or a commit of a Hugging Face id; null: <c>main</c>.</param>
/// <param name="Adapter">A PEFT adapter that is merged into the model; null: none.</param>
public sealed partial record ModelReference(string Model, string? Revision = null, ModelReference? Adapter = null)
{
    /// <summary>
    /// Reads what a person wrote. A <c>+</c> or <c>@</c> in the name of a folder that exists is part of the name.
    /// </summary>
    /// <param name="text">The reference.</param>
    /// <param name="home">Where relative paths begin.</param>
    /// <exception cref="BadInputException">It names nothing.</exception>
    public static ModelReference Parse(string text, string home)
    {
        if (string.IsNullOrWhiteSpace(text))
            throw new BadInputException("model", null,
                "is empty; give a folder, a Hugging Face id such as org/name@revision, or model+adapter");
        if (Directory.Exists(Path.GetFullPath(text, home)))
            return new(text);
        if (text.IndexOf('+') is var plus and > 0)
            return One(text[..plus], home, text) with { Adapter = One(text[(plus + 1)..], home, text) };
        return One(text, home, text);
    }

    /// <summary>Whether it can be a Hugging Face id: one or two parts of letters, digits and <c>-_.</c>.</summary>
    public bool IsHubId => HubId().IsMatch(Model)
        && !Model.Contains("..", StringComparison.Ordinal)
        && !Model.Contains("--", StringComparison.Ordinal);

    /// <summary>The model's Hugging Face id, if that is how it was found: its folder is then one of the cache.</summary>
    internal string? HubIdOf(string folder) =>
        IsHubId && folder.Split(Path.DirectorySeparatorChar)
            .Contains($"models--{Model.Replace("/", "--", StringComparison.Ordinal)}") ? Model : null;

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Model}{(Revision is null ? "" : $"@{Revision}")}{(Adapter is null ? "" : $"+{Adapter}")}";

    private static ModelReference One(string part, string home, string whole)
    {
        if (part.Length > 0 && Directory.Exists(Path.GetFullPath(part, home)))
            return new(part);
        var at = part.LastIndexOf('@');
        var (model, revision) = at < 0 ? (part, null) : (part[..at], part[(at + 1)..]);
        return model.Length > 0 && !part.Contains('+') && (revision is null || IsRevision(revision))
            ? new(model, revision)
            : throw new BadInputException(whole, null,
                "names no model; give a folder, a Hugging Face id such as org/name@revision, or model+adapter");
    }

    private static bool IsRevision(string text) => RevisionName().IsMatch(text) && !text.Contains("..", StringComparison.Ordinal);

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?\z")]
    private static partial Regex HubId();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._/-]*\z")]
    private static partial Regex RevisionName();
}
