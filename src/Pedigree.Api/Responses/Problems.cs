using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Logging;
using Pedigree.Api.Requests;
using Pedigree.Weights;

namespace Pedigree.Api.Responses;

/// <summary>Errors as problem details (RFC 9457); <c>field</c> names what is at fault.</summary>
internal sealed class Problems(RequestDelegate next, ILogger<Problems> logger)
{
    private const string Field = "field";

    /// <summary>Turns whatever a request ends with into a problem document.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        catch (Exception error) when (!context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            context.Response.Clear();
            ProblemHttpResult problem = Of(error);
            if (problem.StatusCode == StatusCodes.Status401Unauthorized)
                context.Response.Headers.WWWAuthenticate = "Bearer";
            await problem.ExecuteAsync(context);
        }
    }

    /// <summary>What a status that nobody wrote a body for is told to mean.</summary>
    public static void Explain(ProblemDetailsContext context)
    {
        ProblemDetails problem = context.ProblemDetails;
        problem.Detail ??= problem.Status switch
        {
            StatusCodes.Status400BadRequest => "the request cannot be read: see /openapi/v1.json",
            StatusCodes.Status404NotFound => "there is no such route: see /openapi/v1.json",
            StatusCodes.Status405MethodNotAllowed =>
                $"{context.HttpContext.Request.Method} is not known here: see /openapi/v1.json",
            StatusCodes.Status415UnsupportedMediaType => $"it must be {string.Join(" or ", SpecBody.MediaTypes)}",
            _ => null,
        };
        if (problem.Status == StatusCodes.Status415UnsupportedMediaType)
            problem.Extensions.TryAdd(Field, "Content-Type");
    }

    private ProblemHttpResult Of(Exception error)
    {
        switch (error)
        {
            case RefusedException refused:
                return Of(refused.Status, refused.Field, refused.Message);
            case BadHttpRequestException { StatusCode: var status }:
                return Of(status, null, error.Message);
            case UnavailableException unavailable:
                logger.LogWarning("Something cannot be had now: {Error}", unavailable.Message);
                return Of(StatusCodes.Status503ServiceUnavailable, unavailable.Field, unavailable.Message);
            case BadInputException damaged:
                // What a request gets wrong was refused before: this is in the store.
                logger.LogError("Something in the store is not as it was written: {Error}", damaged.Message);
                return Of(StatusCodes.Status500InternalServerError, damaged.Field, damaged.Message);
            default:
                logger.LogError(error, "A request failed");
                return Of(StatusCodes.Status500InternalServerError, null, "the server failed; its log says why");
        }
    }

    private static ProblemHttpResult Of(int status, string? field, string detail)
    {
        ProblemDetails problem = new() { Status = status, Detail = detail };
        if (field is not null)
            problem.Extensions[Field] = field;
        return TypedResults.Problem(problem);
    }
}
