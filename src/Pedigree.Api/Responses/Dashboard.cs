using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Pedigree.Api.Responses;

/// <summary>
/// The page at the top: the runs, and one of them as it goes on. It asks the routes that everyone asks,
/// and may load nothing else.
/// </summary>
internal static class Dashboard
{
    private static readonly string Page = Read();

    private static readonly string Policy =
        $"default-src 'none'; connect-src 'self'; img-src data:; style-src '{HashOf("style")}'; "
        + $"script-src '{HashOf("script")}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static ContentHttpResult Get(HttpResponse response)
    {
        response.Headers.ContentSecurityPolicy = Policy;
        response.Headers.CacheControl = "no-store";
        return TypedResults.Text(Page, "text/html", Encoding.UTF8);
    }

    private static string Read()
    {
        using StreamReader resource = new(typeof(Dashboard).Assembly.GetManifestResourceStream("dashboard.html")!);
        return resource.ReadToEnd();
    }

    /// <summary>By what a browser knows the one element of that name.</summary>
    private static string HashOf(string element)
    {
        string content = Page.Split($"<{element}>")[1].Split($"</{element}>")[0];
        return $"sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(content)))}";
    }
}
