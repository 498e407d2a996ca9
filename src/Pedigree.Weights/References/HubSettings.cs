namespace Pedigree.Weights.References;

/// <summary>Where the Hugging Face hub and its cache are, by the environment variables that all its clients know.</summary>
/// <param name="Endpoint">Address of the hub: <c>HF_ENDPOINT</c>.</param>
/// <param name="Cache">Folder of <c>models--org--name</c>: <c>HF_HUB_CACHE</c>, or <c>hub</c> in <c>HF_HOME</c>.</param>
/// <param name="Token">
/// Sent to the hub and to no one else: <c>HF_TOKEN</c>, or what `hf auth login` left in <c>HF_HOME</c>.
/// </param>
/// <param name="Offline">Only the cache is used: <c>HF_HUB_OFFLINE</c>.</param>
public sealed record HubSettings(Uri Endpoint, string Cache, string? Token = null, bool Offline = false)
{
    /// <summary>Longest wait before a request is tried again, unless the hub asks for a longer one.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Reads the environment.</summary>
    /// <exception cref="BadInputException"><c>HF_ENDPOINT</c> is no address.</exception>
    public static HubSettings FromEnvironment()
    {
        var endpoint = Variable("HF_ENDPOINT") ?? "https://huggingface.co";
        if (!Uri.TryCreate(endpoint.TrimEnd('/') + "/", UriKind.Absolute, out var address)
            || address.Scheme is not ("http" or "https"))
            throw new BadInputException("HF_ENDPOINT", null, $"is `{endpoint}`; it must be an http or https address");
        return new(address, Path.GetFullPath(Variable("HF_HUB_CACHE") ?? Path.Combine(Home(), "hub")), ReadToken(),
            Variable("HF_HUB_OFFLINE")?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE");
    }

    private static string Home() => Variable("HF_HOME") ?? Path.Combine(
        Variable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "huggingface");

    private static string? ReadToken()
    {
        var saved = Path.Combine(Home(), "token");
        return (Variable("HF_TOKEN") ?? (File.Exists(saved) ? File.ReadAllText(saved) : "")).Trim() is { Length: > 0 } token
            ? token
            : null;
    }

    private static string? Variable(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
