using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Pedigree.Api.Requests;

/// <summary>The body of a request as the text of a spec, in JSON or YAML.</summary>
internal static class SpecBody
{
    /// <summary>Most bytes that a spec may have.</summary>
    public const int MostBytes = 1_000_000;

    /// <summary>What errors call the spec.</summary>
    public const string Name = "request";

    /// <summary>Kinds of content that are read.</summary>
    public static readonly string[] MediaTypes = ["application/json", "application/yaml", "application/x-yaml", "text/yaml"];

    /// <summary>Reads it. One that says it is too large is refused before a byte of it was read.</summary>
    public static async Task<string> ReadAsync(HttpRequest request, CancellationToken cancellation)
    {
        bool json = IsJson(request);
        if (request.ContentLength > MostBytes)
            throw TooLarge(request, $"{request.ContentLength} bytes");
        byte[] bytes = await ReadBytesAsync(request, cancellation);
        try
        {
            string text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
            if (json)
                JsonDocument.Parse(text).Dispose();
            return text;
        }
        catch (DecoderFallbackException)
        {
            throw RefusedException.Wrong(null, "the spec must be UTF-8 text");
        }
        catch (JsonException error)
        {
            throw RefusedException.Wrong($"line {error.LineNumber + 1}", $"the spec is not JSON: {error.Message}");
        }
    }

    private static bool IsJson(HttpRequest request)
    {
        // The routing has seen to it that the media type is one of those, if there is one.
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type))
            throw WrongKind("Content-Type", $"is missing; it must be {string.Join(" or ", MediaTypes)}");
        if (type.Charset.HasValue && !type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase))
            throw WrongKind("Content-Type", $"has the charset {type.Charset}; send a spec in UTF-8");
        if (request.Headers.ContentEncoding.Count > 0)
            throw WrongKind("Content-Encoding", $"is `{request.Headers.ContentEncoding}`; send a spec as it is");
        return type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase);
    }

    private static async Task<byte[]> ReadBytesAsync(HttpRequest request, CancellationToken cancellation)
    {
        using MemoryStream body = new();
        byte[] part = new byte[16_384];
        for (int read; (read = await request.Body.ReadAsync(part, cancellation)) > 0;)
        {
            body.Write(part, 0, read);
            if (body.Length > MostBytes)
                throw TooLarge(request, "more");
        }
        return body.ToArray();
    }

    private static RefusedException WrongKind(string header, string reason) =>
        new(StatusCodes.Status415UnsupportedMediaType, header, reason);

    private static RefusedException TooLarge(HttpRequest request, string size)
    {
        // What is still to come is not waited for.
        request.HttpContext.Response.OnStarting(() =>
        {
            request.HttpContext.Response.Headers.Connection = "close";
            return Task.CompletedTask;
        });
        return new(StatusCodes.Status413PayloadTooLarge, null, $"a spec has at most {MostBytes} bytes; this one has {size}");
    }
}
