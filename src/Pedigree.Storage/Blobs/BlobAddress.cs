using Azure.Identity;
using Azure.Storage.Blobs;
using Pedigree.Weights;

namespace Pedigree.Storage.Blobs;

/// <summary>Understands what a person gives for Azure Blob Storage.</summary>
internal static class BlobAddress
{
    private const string DefaultContainer = "pedigree", ContainerPart = "Container=";

    private static readonly string[] Starts =
        ["UseDevelopmentStorage=", "DefaultEndpointsProtocol=", "AccountName=", "BlobEndpoint=", ContainerPart];

    /// <summary>
    /// The container of a connection string (to which <c>Container=name</c> may be added) or of an account's URL, with or without
    /// the container's name and a shared access signature; null where it is neither and so means a folder.
    /// </summary>
    /// <exception cref="BadInputException">It is one of them but not right.</exception>
    public static BlobContainerClient? Parse(string address, BlobClientOptions options)
    {
        if (address.StartsWith("https://", StringComparison.OrdinalIgnoreCase)
            || address.StartsWith("http://", StringComparison.OrdinalIgnoreCase))
            return Url(address, options);
        string[] parts = address.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (!parts.Any(part => Starts.Any(start => part.StartsWith(start, StringComparison.OrdinalIgnoreCase))))
            return null;
        bool Names(string part) => part.StartsWith(ContainerPart, StringComparison.OrdinalIgnoreCase);
        string container = parts.LastOrDefault(Names)?[ContainerPart.Length..] ?? DefaultContainer;
        try
        {
            return new(string.Join(';', parts.Where(part => !Names(part))), container, options);
        }
        catch (Exception error) when (error is FormatException or ArgumentException or InvalidOperationException)
        {
            // The message may repeat a key.
            throw new BadInputException("--store", null,
                "is not a connection string of a storage account as the portal shows it");
        }
    }

    private static BlobContainerClient Url(string address, BlobClientOptions options)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? url) || url.Scheme != Uri.UriSchemeHttps
            || !(url.IsLoopback || url.Host.Contains(".blob.", StringComparison.OrdinalIgnoreCase)))
            throw new BadInputException("--store", null,
                "is not an account's URL: use https://ACCOUNT.blob.core.windows.net/CONTAINER");
        BlobUriBuilder parts = new(url);
        if (parts.BlobContainerName.Length == 0)
            parts.BlobContainerName = DefaultContainer;
        return parts.Sas is not null ? new(parts.ToUri(), options) : new(parts.ToUri(), new DefaultAzureCredential(), options);
    }
}
