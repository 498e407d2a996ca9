using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Pedigree.Api.Serving;

/// <summary>
/// Lets nobody in without the key: as <c>x-functions-key</c> or <c>?code=</c>, as Azure Functions takes it, or as a bearer token.
/// Hashes are compared, in a time that does not depend on where they differ.
/// </summary>
internal sealed class KeyGuard(RequestDelegate next, string key)
{
    private readonly byte[] _key = Hash(key);

    public Task InvokeAsync(HttpContext context)
    {
        if (!Shown(context.Request).Any(shown => CryptographicOperations.FixedTimeEquals(Hash(shown), _key)))
            throw new RefusedException(StatusCodes.Status401Unauthorized, null,
                "this server wants its key: as header `x-functions-key`, as `Authorization: Bearer`, or as `?code=`");
        return next(context);
    }

    private static IEnumerable<string> Shown(HttpRequest request)
    {
        const string Bearer = "Bearer ";
        IEnumerable<string?> keys = [.. request.Headers["x-functions-key"], .. request.Query["code"],
            .. request.Headers.Authorization.Where(value => value?.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) == true)
                .Select(value => value![Bearer.Length..])];
        return keys.OfType<string>();
    }

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
