using Azure;
using Azure.Identity;
using Azure.Storage.Blobs.Models;
using Pedigree.Weights;

namespace Pedigree.Storage.Blobs;

/// <summary>What the service's errors mean to a person.</summary>
internal static class BlobErrors
{
    private const int Throttled = 429, TimedOut = 408, FirstOfServer = 500;

    /// <summary>Makes a call and turns what goes wrong into one clear error.</summary>
    public static async Task<TResult> ExplainAsync<TResult>(string address, Func<Task<TResult>> call)
    {
        try
        {
            return await call();
        }
        catch (Exception error) when (Explain(address, error) is { } clear)
        {
            throw clear;
        }
    }

    /// <summary>The same of a call that gives nothing back.</summary>
    public static Task ExplainAsync(string address, Func<Task> call) => ExplainAsync(address, async () =>
    {
        await call();
        return true;
    });

    /// <summary>Whether there is no such blob, or no container.</summary>
    public static bool IsMissing(RequestFailedException error) =>
        error.ErrorCode is { } code && (code == BlobErrorCode.BlobNotFound || code == BlobErrorCode.ContainerNotFound);

    private static BadInputException? Explain(string address, Exception error) => error switch
    {
        AggregateException several =>
            several.InnerExceptions.Select(inner => Explain(address, inner)).FirstOrDefault(clear => clear is not null),
        RequestFailedException { Status: 0 } or IOException =>
            new StoreUnavailableException(address, $"cannot be reached ({FirstLine(error)})", error),
        RequestFailedException { Status: Throttled or TimedOut or >= FirstOfServer } =>
            new StoreUnavailableException(address, $"does not answer as it should ({FirstLine(error)})", error),
        RequestFailedException { Status: 401 or 403 } failed => new UnavailableException(address, null,
            $"the key or identity was refused ({failed.ErrorCode}); "
            + "give the account's connection string, or the role Storage Blob Data Contributor"),
        RequestFailedException failed =>
            new UnavailableException(address, null, $"the request was refused ({failed.ErrorCode ?? FirstLine(failed)})"),
        AuthenticationFailedException => new UnavailableException(address, null,
            $"no identity could be had for it ({FirstLine(error)}); sign in with `az login`, or give a connection string"),
        _ => null,
    };

    private static string FirstLine(Exception error) => (error.InnerException ?? error).Message.Split('\n')[0].Trim();
}
