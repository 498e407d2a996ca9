using Microsoft.AspNetCore.Http;

namespace Pedigree.Api.Requests;

/// <summary>
/// Refuses what a request asks for in its address and the route does not know, or cannot read: <c>replay?remrge=true</c> would
/// else be a lighter audit than was meant.
/// </summary>
internal static class KnownParameters
{
    // How Azure Functions takes a key, and its name.
    private static readonly string[] OfTheHost = ["code", "clientId"];

    public static EndpointFilterDelegate Filter(EndpointFilterFactoryContext route, EndpointFilterDelegate next)
    {
        Dictionary<string, Type> known = route.MethodInfo.GetParameters()
            .Select(parameter => (
                Name: parameter.Name!,
                Type: Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType))
            .Where(parameter =>
                parameter.Type == typeof(string) || parameter.Type == typeof(int) || parameter.Type == typeof(bool))
            .ToDictionary(parameter => parameter.Name, parameter => parameter.Type, StringComparer.OrdinalIgnoreCase);
        return context =>
        {
            HttpRequest request = context.HttpContext.Request;
            string[] queries = [.. known.Keys.Where(name => !request.RouteValues.ContainsKey(name))
                .Order(StringComparer.Ordinal)];
            foreach (string name in request.Query.Keys.Except(OfTheHost, StringComparer.OrdinalIgnoreCase))
                if (!queries.Contains(name, StringComparer.OrdinalIgnoreCase))
                    throw RefusedException.Wrong(name, queries.Length == 0
                        ? "is not known here, where nothing is asked for in the address"
                        : $"is not known here; known: {string.Join(", ", queries)}");
                else if (WhatIsWrong(known[name], request.Query[name].ToString()) is { } wrong)
                    throw RefusedException.Wrong(name, wrong);
            return next(context);
        };
    }

    private static string? WhatIsWrong(Type type, string value) =>
        type == typeof(int) && !int.TryParse(value, out _) ? "must be a whole number"
        : type == typeof(bool) && !bool.TryParse(value, out _) ? "must be true or false" : null;
}
