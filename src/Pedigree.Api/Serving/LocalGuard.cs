using System.Net;
using Microsoft.AspNetCore.Http;

namespace Pedigree.Api.Serving;

/// <summary>
/// Keeps web pages out of a server without a key: one whose name was made to point to this machine (the <c>Host</c> is then not
/// this machine), and one that sends requests here from elsewhere (the <c>Origin</c> is then not the <c>Host</c>).
/// </summary>
internal sealed class LocalGuard(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (!IsThisMachine(request.Host.Host))
            throw new RefusedException(StatusCodes.Status403Forbidden, "Host",
                "is not this machine; call the server localhost or 127.0.0.1, or start it with a key");
        foreach (string? origin in request.Headers.Origin)
            if (!Uri.TryCreate(origin, UriKind.Absolute, out Uri? from) || from.Authority != request.Host.Value)
                throw new RefusedException(StatusCodes.Status403Forbidden, "Origin",
                    "is another site, which may not use this server");
        return next(context);
    }

    /// <summary>Whether a host's name or address is that of this machine to itself.</summary>
    public static bool IsThisMachine(string host) => host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host, out IPAddress? ip) && IPAddress.IsLoopback(ip));
}
