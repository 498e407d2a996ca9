using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Pedigree.Weights.Tests.References;

/// <summary>
/// A server on 127.0.0.1 that speaks the protocol of the Hugging Face hub, with the troubles that a test asks for.
/// </summary>
internal sealed class Hub : IDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly HttpListener _listener;
    private readonly ConcurrentDictionary<string, int> _asked = new(StringComparer.Ordinal);

    private readonly Uri _elsewhere;

    public Hub()
    {
        (_listener, Address, _elsewhere) = Listen();
        _ = Task.Run(ListenAsync);
    }

    public Uri Address { get; }

    /// <summary>
    /// Files by <c>org/name/file</c>; those whose name ends in safetensors lie elsewhere, as large files do.
    /// Null: listed, but not there.
    /// </summary>
    public Dictionary<string, byte[]?> Files { get; } = [];

    /// <summary>Asked for by all requests, if it is set.</summary>
    public string? Token { get; set; }

    /// <summary>Bytes after which the first answer with a large file is cut off.</summary>
    public int? CutAfter { get; set; }

    /// <summary>Set once the client has some of those bytes: a connection that is cut may lose what is on its way.</summary>
    public ManualResetEventSlim Arrived { get; } = new();

    /// <summary>Number of requests that are first told to come back.</summary>
    public int TooMany;

    /// <summary>Seconds after which they shall.</summary>
    public int RetryAfter { get; set; }

    /// <summary>Where all requests are redirected to, if it is set.</summary>
    public string? Redirect { get; set; }

    /// <summary>Whether the content is not what the ETag says.</summary>
    public bool Corrupt { get; set; }

    /// <summary>Whether a request for a part of a file is answered with the whole.</summary>
    public bool IgnoresRanges { get; set; }

    /// <summary>Every request as <c>METHOD path</c>, with the range if it had one.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    /// <summary>Tokens that came with requests for bytes that lie elsewhere; none should.</summary>
    public ConcurrentQueue<string> Leaked { get; } = [];

    public void Add(string model, string folder)
    {
        foreach (var file in Directory.GetFiles(folder))
            Files[$"{model}/{Path.GetFileName(file)}"] = File.ReadAllBytes(file);
    }

    public void Dispose() => _listener.Close();

    private async Task ListenAsync()
    {
        while (_listener.IsListening)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                _ = Task.Run(() => Answer(context));
            }
            catch (Exception error) when (error is HttpListenerException or InvalidOperationException)
            {
                return;
            }
        }
    }

    private void Answer(HttpListenerContext context)
    {
        var (request, response) = (context.Request, context.Response);
        try
        {
            Requests.Enqueue(
                $"{request.HttpMethod} {request.RawUrl}{(request.Headers["Range"] is { } range ? $" {range}" : "")}");
            var path = Uri.UnescapeDataString(request.Url!.AbsolutePath.TrimStart('/'));
            if (request.Url.Port == _elsewhere.Port)
                Elsewhere(path, request, response);
            else if (Token is not null && request.Headers["Authorization"] != $"Bearer {Token}")
                response.StatusCode = 401;
            else if (Interlocked.Decrement(ref TooMany) >= 0)
            {
                response.StatusCode = 429;
                response.AddHeader("Retry-After", $"{RetryAfter}");
            }
            else if (Redirect is not null)
            {
                response.StatusCode = 302;
                response.AddHeader("Location", Redirect);
            }
            else
                Known(path, request, response);
            response.Close();
        }
        catch (Exception error)
            when (error is HttpListenerException or ObjectDisposedException or IOException or InvalidOperationException)
        {
            // The connection was cut, by us or by the client.
        }
    }

    private void Known(string path, HttpListenerRequest request, HttpListenerResponse response)
    {
        if (path.StartsWith("api/models/", StringComparison.Ordinal)
            && path.Split("/revision/") is [var api, "main" or "v1" or Commit])
        {
            var model = api["api/models/".Length..];
            string[] names = [.. Files.Keys.Where(name => name.StartsWith(model + "/", StringComparison.Ordinal))
                .Select(name => name[(model.Length + 1)..])];
            if (names.Length > 0)
                Send(response, JsonSerializer.SerializeToUtf8Bytes(
                    new { sha = Commit, siblings = names.Select(name => new { rfilename = name }) }), request);
            else
                response.StatusCode = 404;
            return;
        }
        if (path.Split($"/resolve/{Commit}/") is not [var id, var file]
            || Files.GetValueOrDefault($"{id}/{file}") is not { } bytes)
        {
            response.StatusCode = 404;
            return;
        }
        response.AddHeader("X-Repo-Commit", Commit);
        if (!file.EndsWith(".safetensors", StringComparison.Ordinal))
        {
            response.AddHeader("ETag", $"\"{Git(bytes)}\"");
            Send(response, bytes, request);
            return;
        }
        response.AddHeader("X-Linked-ETag", $"\"{Convert.ToHexStringLower(SHA256.HashData(bytes))}\"");
        response.AddHeader("X-Linked-Size", $"{bytes.Length}");
        response.StatusCode = 302;
        response.RedirectLocation = new Uri(_elsewhere, $"{id}/{file}").ToString();
    }

    private void Elsewhere(string name, HttpListenerRequest request, HttpListenerResponse response)
    {
        if (request.Headers["Authorization"] is { } token)
            Leaked.Enqueue(token);
        var bytes = Files[name]!;
        var start = 0;
        if (!IgnoresRanges && request.Headers["Range"] is { } range)
        {
            start = int.Parse(range["bytes=".Length..].TrimEnd('-'));
            if (start >= bytes.Length)
            {
                response.StatusCode = 416;
                return;
            }
            response.StatusCode = 206;
            response.AddHeader("Content-Range", $"bytes {start}-{bytes.Length - 1}/{bytes.Length}");
        }
        var sent = bytes[start..];
        if (Corrupt)
            sent[^1] ^= 1;
        if (request.HttpMethod == "GET" && CutAfter is { } cut && _asked.AddOrUpdate(name, 1, (_, times) => times + 1) == 1)
        {
            response.ContentLength64 = sent.Length;
            response.OutputStream.Write(sent, 0, cut);
            response.OutputStream.Flush();
            Arrived.Wait(TimeSpan.FromSeconds(30));
            response.Abort();
            return;
        }
        Send(response, sent, request);
    }

    private static void Send(HttpListenerResponse response, byte[] bytes, HttpListenerRequest request)
    {
        response.ContentLength64 = bytes.Length;
        if (request.HttpMethod != "HEAD")
            response.OutputStream.Write(bytes);
    }

    /// <summary>On two free ports; one that another process takes before it is ours is left to it.</summary>
    private static (HttpListener, Uri, Uri) Listen()
    {
        while (true)
        {
            var (address, elsewhere) = (Free(), Free());
            if (address == elsewhere)
                continue;
            HttpListener listener = new() { Prefixes = { address.ToString(), elsewhere.ToString() } };
            try
            {
                listener.Start();
                return (listener, address, elsewhere);
            }
            catch (HttpListenerException)
            {
                listener.Close();
            }
        }
    }

    private static Uri Free()
    {
        using TcpListener free = new(IPAddress.Loopback, 0);
        free.Start();
        return new($"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}/");
    }

    private static string Git(byte[] bytes) =>
        Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {bytes.Length}\0"), .. bytes]));
}
