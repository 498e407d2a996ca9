using System.Net;
using Microsoft.AspNetCore.Http;
using Pedigree.Weights;
using Pedigree.Workflow.Publishing;

namespace Pedigree.Api.Serving;

/// <summary>What <c>pedigree serve</c> is asked for.</summary>
public sealed record ServerOptions
{
    /// <summary>Where to listen, as <c>http://127.0.0.1:8080</c>; port 0 is any free one.</summary>
    public required IReadOnlyList<string> Urls { get; init; }

    /// <summary>The store, as <see cref="Storage.Store.Open"/> takes it.</summary>
    public required string Store { get; init; }

    /// <summary>What every request must show; null for none, which only addresses of this machine allow.</summary>
    public string? Key { get; init; }

    /// <summary>Runs at a time; the others wait.</summary>
    public int RunsAtOnce { get; init; } = 1;

    /// <summary>Where the events of its runs are published; null for nowhere.</summary>
    public EventTarget? Events { get; init; }

    /// <summary>Roots and heartbeat.</summary>
    public RunsApiOptions Api { get; init; } = new();

    /// <summary>Refuses what would leave the server open to others.</summary>
    /// <exception cref="BadInputException">Names the option and says what would be right.</exception>
    internal void Check()
    {
        if (Urls.Count == 0)
            throw Wrong("--urls", "is empty; it must be like http://127.0.0.1:8080");
        foreach (string url in Urls)
        {
            BindingAddress address = Parse(url);
            if (address.Scheme != "http" || address.PathBase.Length > 0)
                throw Wrong("--urls", $"`{url}` must be like http://127.0.0.1:8080; put a reverse proxy before it for https");
            if (!address.IsUnixPipe && (address.Port > IPEndPoint.MaxPort || address is { Port: 0, Host: "localhost" }))
                throw Wrong("--urls",
                    $"`{url}` has no port that can be listened on: "
                    + $"give one up to {IPEndPoint.MaxPort}, or 0 with 127.0.0.1 for any free one");
            if (Key is null && !address.IsUnixPipe && !LocalGuard.IsThisMachine(address.Host))
                throw Wrong("--urls",
                    $"`{url}` can be reached by others: "
                    + "give a key (--key, or PEDIGREE_KEY in the environment), or listen on 127.0.0.1");
        }
        if (Key is not null && (Key.Length < 16 || Key.Any(character => character is <= ' ' or > '~')))
            throw Wrong("--key", "must be at least 16 characters of ASCII without spaces, such as `openssl rand -hex 32` gives");
        if (RunsAtOnce < 1)
            throw Wrong("--runs-at-once", "must be 1 or more");
        foreach (string root in Api.Roots)
            if (!Directory.Exists(root))
                throw Wrong("--root", $"`{root}` is no folder");
    }

    private static BindingAddress Parse(string url)
    {
        try
        {
            return BindingAddress.Parse(url);
        }
        catch (FormatException)
        {
            throw Wrong("--urls", $"`{url}` is no URL; it must be like http://127.0.0.1:8080");
        }
    }

    private static BadInputException Wrong(string option, string reason) => new("serve", option, reason);
}
